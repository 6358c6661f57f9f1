/** The width of text on a terminal. */

import { assertEquals } from "@std/assert";
import { cutTo, padded, widthOf, wrap } from "../../../example/shared/width.ts";

Deno.test("wrap() fills lines, and gives a word that is too long a line of its own", () => {
  assertEquals(wrap("a bb ccc dddd", 4), ["a bb", "ccc", "dddd"]);
  assertEquals(wrap("aa bbbbbb c", 4), ["aa", "bbbbbb", "c"]);
  assertEquals(wrap("", 4), [""]);
});

Deno.test("widthOf(), cutTo(), padded() and wrap() count two columns for a wide character", () => {
  assertEquals(["abc", "天地", "é", "e\u0301", "😀"].map(widthOf), [3, 4, 1, 1, 2]);
  assertEquals([3, 4, 5].map((columns) => cutTo("天地x", columns)), ["天", "天地", "天地x"]);
  assertEquals(cutTo("a😀b", 2), "a", "half a character is none");
  assertEquals(padded("天地", 6, "after"), "天地  ");
  assertEquals([padded("天地", 6, "before"), padded("天地", 3, "after")], ["  天地", "天地"]);
  assertEquals(wrap("天地 玄黃 ab", 6), ["天地", "玄黃", "ab"]);
  assertEquals(wrap("天地 玄黃 ab", 7), ["天地", "玄黃 ab"]);
});
