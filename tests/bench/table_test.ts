// Tables of figures as Markdown.

import { assertEquals } from "@std/assert";
import { formatTable } from "../../bench/table.ts";

Deno.test("formatTable() aligns texts left and numbers right, with four digits", () => {
  const rows = [
    { name: "a", rate: 12_345.67, "ppl std": 0.123456, x: null },
    { name: "longer", rate: -999.96, "ppl std": null, x: 7 },
    { name: "b", rate: 1000, "ppl std": 2, x: -1234.5 },
  ];
  assertEquals(formatTable({ title: "Speed", rows, notes: ["One.", "Two."] }).split("\n"), [
    "## Speed",
    "",
    "| name   |  rate | ppl std |     x |",
    "| ------ | ----: | ------: | ----: |",
    "| a      | 12346 |  0.1235 |       |",
    "| longer | -1000 |         |     7 |",
    "| b      |  1000 |       2 | -1234 |",
    "",
    "One.",
    "",
    "Two.",
    "",
  ]);
  assertEquals(formatTable({ title: "T", rows: [{ a: "", b: 1 }] }).split("\n").slice(2), [
    "| a   |   b |",
    "| --- | --: |",
    "|     |   1 |",
    "",
  ]);
});
