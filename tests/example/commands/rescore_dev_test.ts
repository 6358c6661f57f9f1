// `rescore --dev PATH`, and what it says of words and references that do not fit.

import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../../example/cli/main.ts";
import { rescore } from "../../../example/commands/rescore.ts";
import { readLists } from "../../../example/rescoring/read_lists.ts";
import { captureIo } from "../../support/capture_io.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";
import { findings, lists, withTiny, writeJson } from "../../support/rescoring.ts";

leaseToProgram();

Deno.test("weights are searched on lists of their own, and the others are all counted", () =>
  withTiny(async () => {
    const all = lists(20);
    writeJson("lists", all);
    writeJson("dev", all.slice(0, 8));
    writeJson("eval", all.slice(8));
    const bare = all.slice(8).map(({ id, hypotheses }) => ({ id, hypotheses }));
    writeJson("bare", bare);
    const part = await findings("tiny", "lists", { dev: "0.4" });
    const { lists: count, ...own } = await findings("tiny", "eval", { dev: "dev" });
    assertEquals([count, own.dev, own.test], [12, 8, 12]);
    const timeless = (systems: { seconds?: number }[]) =>
      systems.map(({ seconds: _seconds, ...system }) => system);
    assertEquals(timeless(own.systems), timeless(part.systems));
    // Without references nothing is counted, but the weights are known.
    const unknown = await findings("tiny", "bare", { dev: "dev", out: "new" });
    assertEquals([unknown.dev, unknown.test, unknown.systems], [8, 0, []]);
    assertEquals(unknown.weights, { tiny: part.systems[1].weights });
    // Of a copy, and of lists with the same names.
    writeJson("copy", [
      ...all.slice(8, 11),
      ...lists(20).slice(11).map((list) => ({
        ...list,
        reference: ["w1"],
      })),
    ]);
    const copied = captureIo();
    await rescore(["tiny", "eval"], { dev: "copy" }, copied);
    assertEquals(copied.errLines.filter((line) => line.includes("--dev")), [
      "warning: 3 of 12 lists are in --dev, too: errors are counted on what the weights were " +
      "searched on, and look too few",
    ]);
    const apart = captureIo();
    await rescore(["tiny", "eval"], { dev: "dev" }, apart);
    assertEquals(apart.errLines.filter((line) => line.includes("--dev")), []);
    assertEquals((await readLists("new")).lists.length, 12);
    // One file has the references of both.
    Deno.writeTextFileSync(
      "ref",
      all.map(({ id, reference }) => `${id} ${reference!.join(" ")}\n`).join(""),
    );
    const referred = await findings("tiny", "bare", { dev: "dev", ref: "ref" });
    assertEquals(timeless(referred.systems), timeless(part.systems));
    const io = captureIo();
    assertEquals(await main(["rescore", "tiny", "eval", "--dev", "eval", "--ref", "ref"], io), 1);
    assertMatch(
      io.errLines[0]!,
      /^error: Cannot use --ref ref: u8 is in the lists and in those of --dev; give lists of /,
    );
    assertEquals(await main(["rescore", "tiny", "eval", "--dev", "5"], io), 2);
    assertMatch(
      io.errLines[1]!,
      /^error: --dev must be a number from 0\.01 to 0\.99 or a path, got "5"/,
    );
    assertEquals(await main(["rescore", "tiny", "eval", "--dev", "bare"], io), 2);
    assertMatch(io.errLines[2]!, /^error: Cannot search weights: /);
    const mixed = "rescore tiny eval --dev bare2 --interpolate 0.5".split(" ");
    writeJson(
      "bare2",
      all.slice(0, 8).map(({ hypotheses, ...list }) => ({
        ...list,
        hypotheses: hypotheses.map(({ lm: _lm, ...one }) => one),
      })),
    );
    assertEquals(await main(mixed, io), 1);
    assertMatch(io.errLines[3]!, /^error: Cannot use --interpolate 0\.5: .* in bare2 has no /);
    assertEquals([io.errLines.length, io.outLines], [4, []]);
  }));

Deno.test("rescore says which words a model does not know, and which references have no list", () =>
  withTiny(async () => {
    const all = lists(4), io = captureIo();
    writeJson("lists", all);
    const spoken = all.map(({ id, reference }) => `${reference!.join(" ")} (${id})\n`).join("");
    Deno.writeTextFileSync("ref", `${spoken}w1 (v8)\nw2 (v9)\n`);
    const given = { "lm-weight": "1", "word-penalty": "0" };
    await rescore(["tiny", "lists"], { ...given, ref: "ref" }, io);
    assertEquals(io.errLines, [
      "warning: --ref ref also has v8 and 1 more without a list: their errors are not counted",
    ]);
    assertMatch(io.outLines[1]!, /^unknown +17 % of the words to tiny$/); // two words of twelve
    writeJson(
      "upper",
      all.map((list) => ({
        ...list,
        hypotheses: list.hypotheses.map((one) => ({
          ...one,
          words: one.words.map((word) => word.toUpperCase()),
        })),
      })),
    );
    const found = captureIo();
    const line = "rescore tiny,tiny:raw upper --lm-weight 1 --word-penalty 0 --json";
    assertEquals(await main(line.split(" "), found), 0);
    assertEquals(found.errLines.filter((line) => line.includes("does not know")), [
      "warning: tiny does not know 100 % of the words in the lists: they have to be written as in its " +
      "training text, in upper or lower case, too",
    ]);
    assertEquals(JSON.parse(found.outLines[0]!).unknown[0], {
      model: "tiny",
      words: 48,
      unknown: 48,
    });
  }));
