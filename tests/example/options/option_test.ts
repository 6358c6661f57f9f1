// Single options: what they take, what they refuse, and what tables of them have in common.

import { assertEquals, assertThrows } from "@std/assert";
import { isSynthetic } from "../../../example/options/choices.ts";
import {
  alike,
  choice,
  count,
  flag,
  type Given,
  laterSettings,
  number,
  orPath,
  path,
  readOptions,
  shorthand,
} from "../../../example/options/option.ts";
import { UsageError } from "../../../example/shared/errors.ts";

const TEXT = { value: "x", help: "Text." };

Deno.test("numbers are read within their limits, spelled in one way", () => {
  const { read } = number([0.5, 3], TEXT);
  const cases = { "0.5": 0.5, "3": 3, "+1": 1, "1e0": 1, ".75": 0.75, "2.": 2 };
  for (const [text, value] of Object.entries(cases)) assertEquals(read(text), value);
  for (const text of ["0.4999", "3.0001", "-1", "0x1", " 1", "1 ", "", "NaN", "Infinity", "1e"]) {
    assertEquals(read(text), undefined, text);
  }
  const whole = count([0, 1e300], TEXT).read;
  assertEquals(["7", "7.0", "7e2", "0.5", "1e16"].map(whole), [7, 7, 700, undefined, undefined]);
});

Deno.test("switches are on or off, and nothing else", () => {
  assertEquals(["true", "false", "", "yes", "1"].map(flag({ help: "x" }).read), [
    true,
    false,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("a path may stand for a number, but for no number that is refused", () => {
  const { read } = orPath(number([0, 1], { ...TEXT, default: "1" }));
  assertEquals(["0.5", "lists", "./2", "2", "-1"].map(read), [
    0.5,
    "lists",
    "./2",
    undefined,
    undefined,
  ]);
});

Deno.test("what options have in common holds but where one says otherwise", () => {
  const { a, b } = alike({ mayChange: true, modes: ["train"] }, {
    a: flag({ help: "a" }),
    b: flag({ help: "b", mayChange: false }),
  });
  assertEquals([a.mayChange, a.modes, b.mayChange, b.modes], [true, ["train"], false, ["train"]]);
});

Deno.test("older files may lack what was added later, and what training does not depend on", () => {
  const table = {
    added: choice(["x", "y"], { ...TEXT, default: "y", addedLater: true }),
    free: path({ ...TEXT, mayChange: true }),
    fixed: count([0, 9], { ...TEXT, default: "3" }),
  };
  assertEquals(laterSettings(table), { added: "y", free: null });
});

Deno.test("a switch that is short for an option sets it, unless it is off", () => {
  const table = {
    loss: choice(["full", "nce"], { ...TEXT, default: "full" }),
    nce: shorthand("loss", "nce", { help: "Short." }),
  };
  const lossOf = (given: Given) => readOptions(table, given).loss;
  assertEquals([lossOf({}), lossOf({ nce: true }), lossOf({ nce: false })], [
    "full",
    "nce",
    "full",
  ]);
  assertEquals(lossOf({ nce: true, loss: undefined }), "nce");
  assertEquals(lossOf({ nce: true, loss: "nce" }), "nce");
  const both = () => lossOf({ nce: true, loss: "full" });
  assertThrows(both, UsageError, "--nce means --loss nce, but --loss full was given too");
});

Deno.test("only synthetic, with or without settings, is the made-up language", () => {
  const words = ["synthetic", "synthetic:vocab=9", "synthetic:", "synthetic2", "my/synthetic", ""];
  assertEquals(words.map(isSynthetic), [true, true, true, false, false, false]);
});
