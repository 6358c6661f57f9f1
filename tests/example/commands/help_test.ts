/** The help text: complete, and wrapped at any width. */

import { assert, assertEquals } from "@std/assert";
import { wrap } from "../../../example/commands/help.ts";
import { OPTION_GROUPS } from "../../../example/options/options.ts";
import { helpOf } from "../../../main.ts";

const OPTIONS = OPTION_GROUPS.flatMap(({ options }) => options);

Deno.test("the help text keeps to the terminal's width and breaks no word", () => {
  for (const columns of [40, 59, 60, 80, 200]) {
    const lines = helpOf(columns).split("\n");
    for (const line of lines) assert(line.length <= columns, `${columns}: ${line}`);
    assert(lines.every((line) => line === line.trimEnd()));
    // Whatever the width, the words are the same.
    assertEquals(helpOf(columns).split(/\s+/), helpOf(1000).split(/\s+/));
  }
  assert(helpOf(200).split("\n").some((line) => line.length > 150), "the width is used");
});

Deno.test("the help text has every option with its value, its text and its default", () => {
  const lines = helpOf(1000).split("\n").map((line) => line.replace(/ +/g, " ").trim());
  for (const { title, options } of OPTION_GROUPS) {
    assert(lines.includes(`${title}:`));
    for (const { name, value, default: standard, help } of options) {
      const term = value === undefined ? `--${name}` : `--${name} <${value}>`;
      const text = standard === undefined ? help : `${help} Default: ${standard}.`;
      assert(lines.includes(`${term} ${text}`), name);
    }
  }
  assertEquals(new Set(OPTIONS.map(({ name }) => name)).size, OPTIONS.length);
});

Deno.test("wrap() fills lines, and gives a word that is too long a line of its own", () => {
  assertEquals(wrap("a bb ccc dddd", 4), ["a bb", "ccc", "dddd"]);
  assertEquals(wrap("aa bbbbbb c", 4), ["aa", "bbbbbb", "c"]);
  assertEquals(wrap("", 4), [""]);
});
