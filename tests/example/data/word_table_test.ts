// Words as bytes: the table and the splitter next to strings and Maps.

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { LineWords } from "../../../example/data/line_words.ts";
import { WordTable } from "../../../example/data/word_table.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { splitWords, withoutMarks } from "../../../example/data/words.ts";
import { check } from "../../support/property.ts";
import { PYTHON_SPACE } from "../../support/python_text.ts";
import { tableOf, wordsOf } from "../../support/texts.ts";

const ENCODER = new TextEncoder(), DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** What LineWords gives of a line. */
function split(line: string): { words: string[]; isMarked: boolean } {
  const words = new LineWords();
  words.split(ENCODER.encode(`,${line} x`), 1, 1 + ENCODER.encode(line).length, 2, "x.txt");
  const { bounds, first, end, isMarked } = words;
  const found = Array.from({ length: end - first }, (_, i) => {
    const at = 2 * (first + i);
    return DECODER.decode(words.bytes.subarray(bounds[at], bounds[at + 1]));
  });
  return { words: found, isMarked };
}

Deno.test("WordTable numbers any words in order, as a Map does, and finds no others", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "a",
      "b",
      "ab",
      "__proto__",
      "\u00e9",
      "e\u0301",
      "\uff21",
      "\u{1f600}",
      "\ufeffa",
    ),
    fc.string({ unit: "binary", minLength: 1, maxLength: 3 }).filter((word) =>
      !word.includes("\n")
    ),
  );
  check(fc.property(fc.array(word), fc.array(word), (words, others) => {
    const table = new WordTable(), map = new Map<string, number>();
    for (const word of words) {
      if (!map.has(word)) map.set(word, map.size);
      assertEquals(
        table.add(ENCODER.encode(`x${word}y`), 1, 1 + ENCODER.encode(word).length),
        map.get(word),
      );
    }
    assertEquals(wordsOf(table), [...map.keys()]);
    for (const word of others) assertEquals(table.find(ENCODER.encode(word)), map.get(word) ?? -1);
    assertEquals(wordsOf(WordTable.of(table.joined)!), [...map.keys()]);
    const codes = (id: number) =>
      Array.from(table.text(id), (character) => character.codePointAt(0)!);
    const sorted = [...map.values()].sort(table.compare.bind(table)).map(codes);
    for (const [i, after] of sorted.entries()) {
      const before = sorted[i - 1] ?? [], at = before.findIndex((code, j) => code !== after[j]);
      assert(at < 0 || before[at]! < (after[at] ?? -1), `${before} is before ${after}`);
    }
  }));
});

Deno.test("WordTable finds each of many words when it has grown", () => {
  const table = new WordTable(), count = 300_000, bytes = new Uint8Array(8);
  const word = (i: number) => {
    for (let at = 0; at < 8; at++) bytes[at] = 0x61 + ((i * 2654435761 >>> (4 * at)) & 15);
    return bytes;
  };
  for (let i = 0; i < count; i++) assertEquals(table.add(word(i)), i);
  for (let i = 0; i < count; i++) {
    if (table.find(word(i)) !== i) assertEquals(table.find(word(i)), i);
  }
  assertEquals([table.size, table.find(word(count)), table.joined.length], [count, -1, 9 * count]);
  assert(table.joined.every((byte, at) => (byte === 10) === (at % 9 === 8)), "ends of words");
});

Deno.test("WordTable tells words apart that have the same hash, and half a character from any", () => {
  const table = tableOf(["aywybmkg", "\ufffd"]);
  assertEquals([table.findText("a"), table.addText("a"), table.findText("a")], [-1, 2, 2]);
  assertEquals([table.findText("\ud800"), table.findText("\ufffd")], [-1, 1]);
});

Deno.test("WordTable.isText reads words of any length whole", () => {
  const long = ["\u4e2d", "\u6587", "\u00e9\u4e2d"].map((text, i) => i + text.repeat(300_000));
  const bytes = ENCODER.encode(`${long.join("\n")}\n`);
  assertEquals(WordTable.of(bytes.slice())!.isText, true);
  bytes[bytes.length - 3] = 0xff;
  assertEquals(WordTable.of(bytes)!.isText, false);
});

Deno.test("WordTable.of() takes over the memory, and finds and adds like another table", () => {
  const text = ENCODER.encode("a\nbc\n\u00e9\n"), table = WordTable.of(text)!;
  assert(table.joined.buffer === text.buffer);
  assertEquals(["a", "bc", "\u00e9", "d"].map((word) => table.find(ENCODER.encode(word))), [
    0,
    1,
    2,
    -1,
  ]);
  assertEquals(["d", "bc", "e"].map((word) => table.add(ENCODER.encode(word))), [3, 1, 4]);
  assertEquals(wordsOf(table), ["a", "bc", "\u00e9", "d", "e"]);
  const part = ENCODER.encode("x\ny\n"), some = WordTable.of(part.subarray(2))!;
  some.add(ENCODER.encode("z"));
  assertEquals([wordsOf(some), [...part]], [["y", "z"], [...ENCODER.encode("x\ny\n")]]);
});

Deno.test("WordTable finds and adds words of another table", () => {
  const from = tableOf(["b", "", "\u00e9", "c"]), table = tableOf(["a", "b", "c"]);
  const numbers = (of: (other: WordTable, word: number) => number) =>
    Array.from({ length: from.size }, (_, word) => of.call(table, from, word));
  assertEquals(numbers(table.findFrom), [1, -1, -1, 2]);
  assertEquals(numbers(table.addFrom), [1, 3, 4, 2]);
  assertEquals(numbers(table.findFrom), [1, 3, 4, 2]);
  assertEquals(wordsOf(table), ["a", "b", "c", "", "\u00e9"]);
});

Deno.test("WordTable.of() refuses words that are there twice, or have no end", () => {
  for (const text of ["a\nb\na\n", "a\nb", "\n\n"]) {
    assertEquals(WordTable.of(ENCODER.encode(text)), undefined);
  }
  assertEquals(wordsOf(WordTable.of(ENCODER.encode("a\n\nb\n"))!), ["a", "", "b"]);
  const damaged = WordTable.of(Uint8Array.of(97, 10, 0xff, 10))!;
  assertEquals([tableOf(["a", "\u00e9"]), damaged].map((table) => table.isText), [true, false]);
  assertThrows(() => damaged.text(1), TypeError);
});

Deno.test("LineWords splits at what Python splits at, and at nothing else", () => {
  const space = new Set(PYTHON_SPACE), perLine = 4096;
  const characters = Array.from({ length: 0x110000 }, (_, code) => code)
    .filter((code) => code > 0 && (code < 0xd800 || code > 0xdfff))
    .map((code) => String.fromCodePoint(code));
  for (let first = 0; first < characters.length; first += perLine) {
    const some = characters.slice(first, first + perLine);
    const wanted = some.flatMap((c) => space.has(c) ? ["a", "b"] : [`a${c}b`]);
    const { words } = split(some.map((c) => `a${c}b`).join(" "));
    const wrong = words.findIndex((word, i) => word !== wanted[i]);
    assertEquals(words[wrong], wanted[wrong]);
    assertEquals(words.length, wanted.length);
  }
});

Deno.test("LineWords refuses every byte that is no UTF-8, anywhere in a file", () => {
  const words = new LineWords();
  for (let byte = 0x80; byte < 0x100; byte++) {
    const refused = () => words.split(Uint8Array.of(97, byte, 98), 0, 3, 2, "x.txt");
    assertThrows(refused, Failure, "Cannot read x.txt: line 2 is not UTF-8");
  }
});

Deno.test("LineWords takes <s> and </s> alone for marks", () => {
  const words = ["<s>", "</s>", "<s", "s>", "/s>", "<as>", "</s", "xs>", "<t>", "<s>>"];
  for (const first of words) {
    for (const last of words) {
      for (
        const line of [first, `${first} ${last}`, `${first} a ${last}`, `${last} ${first} <s>`]
      ) {
        const all = splitWords(line), wanted = withoutMarks(all);
        assertEquals(split(line), { words: [...wanted], isMarked: wanted.length < all.length });
      }
    }
  }
});

Deno.test("LineWords gives the words that strings give, without marks at the ends", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "<s>",
      "</s>",
      "<s",
      "s>",
      "</S>",
      "a",
      "<unk>",
      "\u3000",
      "\u2028",
      "\u0085",
      "\u00e9",
    ),
    fc.constantFrom(...PYTHON_SPACE),
    fc.string({ unit: "binary", maxLength: 3 }).filter((text) =>
      text.isWellFormed() && !text.includes("\0")
    ),
  );
  const words = new LineWords(); // is used again for each line
  check(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
    const line = pieces.join(""), all = splitWords(line), wanted = withoutMarks(all);
    assertEquals(split(line), { words: [...wanted], isMarked: wanted.length < all.length });
    words.split(ENCODER.encode(line), 0, ENCODER.encode(line).length, 2, "x.txt");
    assertEquals(words.size, wanted.length);
  }));
});
