/** Labelled lines, and numbers as texts for people. */

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import {
  formatDuration,
  formatLoss,
  formatNumber,
  formatPercent,
  formatPerplexity,
  labelled,
} from "../../../example/shared/format.ts";

const EXAMPLE = fromFileUrl(new URL("../../../example/", import.meta.url));
/** A line of code that pads a word itself; deno fmt leaves such spaces only within texts. A line of help may. */
const PADDED = /^(?!\s*(?:\/\/|\/?\*|--)).*(?:\w {2}|\} {3})/;

Deno.test("labelled() begins all texts in one column, and a long label's later", () => {
  const lines = ["data", "raw scores", "twelve words"].map((label) => labelled(label, "text"));
  assertEquals(lines, ["data        text", "raw scores  text", "twelve words  text"]);
});

Deno.test("no line of the example is padded by hand: labelled() does it", () => {
  const wrong = [
    'io.out("data        text");',
    "  io.out(`raw scores  ${text}`);",
    '"words       " + words',
    "`${label}   text`",
    "`  --save NAME    text`, // not the first of its line",
  ];
  const right = [
    " * data        text",
    "// data  text",
    "  --help      this text",
    "`${done}  of 3`",
  ];
  assertEquals([...wrong, ...right].filter((line) => PADDED.test(line)), wrong);
  const rooms = [...Deno.readDirSync(EXAMPLE)].map(({ name }) => join(EXAMPLE, name));
  const files = rooms.flatMap((room) =>
    [...Deno.readDirSync(room)].map(({ name }) => join(room, name))
  );
  const padded = files.flatMap((file) =>
    Deno.readTextFileSync(file).split("\n").filter((line) => PADDED.test(line))
  );
  assertEquals(padded, []);
});

Deno.test("formatPerplexity() rounds what is huge", () => {
  const values = [1.005, 1.006, 9999.991, 1e4, 380_312.4, 999_999_999, 1e9, Infinity, NaN];
  assertEquals(values.map(formatPerplexity), [
    "1.00",
    "1.01",
    "9,999.99",
    "10,000",
    "380,312",
    "999,999,999",
    "1.00e+9",
    "Infinity",
    "NaN",
  ]);
  const losses = [-999_999.5, 1e6, 1.5e30].map((loss) => formatLoss(loss, false));
  assertEquals(losses, ["loss -999999.5000", "loss 1.0000e+6", "loss 1.5000e+30"]);
});

Deno.test("formatDuration() uses the two largest units when the time is long", () => {
  const seconds = [0, 0.4, 59, 60, 187, 3599.6, 3720, 360000];
  assertEquals(seconds.map((value) => formatDuration(value * 1000)), [
    "0s",
    "0s",
    "59s",
    "1m00s",
    "3m07s",
    "1h00m",
    "1h02m",
    "100h00m",
  ]);
});

Deno.test("formatNumber() keeps four digits", () => {
  assertEquals([1, 0.25, 1e-3, 1 / 3, 1 / 8192, 0, 12345, 1e6].map(formatNumber), [
    "1",
    "0.25",
    "0.001",
    "0.3333",
    "1.221e-4",
    "0",
    "12350",
    "1e+6",
  ]);
});

Deno.test("formatPercent() keeps two digits, and knows no part of nothing", () => {
  const parts = [[1, 3], [1, 3000], [999, 1000], [2, 2], [0, 5], [0, 0]] as const;
  const texts = ["33 %", "0.033 %", "100 %", "100 %", "0 %", "0 %"];
  assertEquals(parts.map(([part, whole]) => formatPercent(part, whole)), texts);
  assertEquals(formatPercent(0.125), "13 %");
});
