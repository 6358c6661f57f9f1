// Vocabulary: ids, counts, vocabulary files.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { frequencyLines, WordCounts } from "../../../example/data/word_counts.ts";
import { PYTHON_SPACE } from "../../support/python_text.ts";
import { readVocabularyFile, splitWords, withoutMarks } from "../../../example/data/words.ts";
import { countWords, tableOf, wordsOf } from "../../support/texts.ts";

function count(text: string): WordCounts {
  return countWords(text.split("\n").map((line) => withoutMarks(splitWords(line))));
}

/** What reading a vocabulary file with this content gives. */
async function readContent(content: string): Promise<string[]> {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, content);
    return wordsOf(await readVocabularyFile(path));
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("Vocabulary orders words by falling count, then by code point", () => {
  // U+FF21 comes before U+1F600, though not in UTF-16.
  const vocabulary = Vocabulary.fromCounts(count("b b \u{1f600} \uff21 a aa b c c"));
  const words = ["<unk>", "<s>", "</s>", "b", "c", "a", "aa", "\uff21", "\u{1f600}"];
  assertEquals(wordsOf(vocabulary), words);
  assertEquals([...vocabulary.counts], [0, 1, 0, 3, 2, 1, 1, 1, 1]);
  assertEquals(vocabulary.size, 9);
});

Deno.test("Vocabulary counts </s> where it is a word of a line, and else takes it for unknown", () => {
  const within = Vocabulary.fromCounts(count("<s> a </s> b </s>\na </s>"));
  assertEquals([...within.counts], [0, 2, 1, 2, 1]);
  assertEquals(within.encode(["a", "</s>", "c"]), [3, 2, 0]);
  const atEnds = Vocabulary.fromCounts(count("<s> a b </s>\na </s>"));
  assertEquals([...atEnds.counts], [0, 2, 0, 2, 1]);
  assertEquals(atEnds.encode(["a", "</s>", "c"]), [3, 0, 0]);
});

Deno.test("Vocabulary has no word of a number beyond", () => {
  const vocabulary = Vocabulary.fromCounts(count("a b b\nc c c d"));
  for (const id of [99, vocabulary.size, -1, 0.5, NaN]) {
    assertThrows(
      () => vocabulary.word(id),
      RangeError,
      `There is no word ${id}: ids go from 0 to 6`,
    );
  }
});

Deno.test("Vocabulary.fromCounts() throws on a bad frequency", () => {
  for (const minFreq of [0, -1, 1.5, NaN]) {
    assertThrows(() => Vocabulary.fromCounts(count(""), { minFreq }), RangeError, "at least 1");
  }
});

Deno.test("Vocabulary.from() throws when words or counts are damaged", () => {
  const marks = ["<unk>", "<s>", "</s>"];
  const bad: [unknown, unknown, string][] = [
    [[...marks, "a"], [0, 1, 0], "4 words, 3 counts"],
    [marks, [0, 1, 0, 1], "3 words, 4 counts"],
    [["a", ...marks], [1, 1, 1, 1], "must begin with"],
    [marks, { length: 3 }, "words and counts are not lists"],
    [[...marks, "a"], [0, 1, 0, -1], "the count of word 3"],
    [[...marks, "a"], [0.5, 1, 0, 1], "the count of word 0"],
    [[...marks, "a"], [0, 1, 0, "1"], "the count of word 3"],
    [[...marks, "a", ""], [0, 1, 0, 1, 1], "word 4 is not a text"],
    [[...marks, 5], [0, 1, 0, 1], "word 3 is not a text"],
    [[...marks, "\ud800"], [0, 1, 0, 1], "word 3 is not a text"],
    [[...marks, "a\nb"], [0, 1, 0, 1], "word 3 is not a text"],
    [[...marks, "a"], [0, 0, 0, 0], "no word was ever counted"],
    [[...marks, "a", "a"], [0, 1, 0, 1, 1], "twice"],
  ];
  for (const [words, counts, message] of bad) {
    assertThrows(() => Vocabulary.from(words, counts), Failure, message);
  }
  const empty = () => Vocabulary.fromTable(tableOf([...marks, ""]), Float64Array.of(0, 1, 0, 1));
  assertThrows(empty, Failure, "word 3 is not a text");
});

Deno.test("splitWords() splits at what Python splits at, and at nothing else", () => {
  const space = new Set(PYTHON_SPACE);
  assertEquals(space.size, 29);
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    const words = splitWords(`a${character}b`);
    const wanted = space.has(character) ? ["a", "b"] : [`a${character}b`];
    if (words.join() !== wanted.join()) assertEquals(words, wanted, `U+${code.toString(16)}`);
  }
  assertEquals(splitWords("  a\tb\u00a0c\u3000d\r"), ["a", "b", "c", "d"]);
  assertEquals(splitWords(" \t "), []);
});

Deno.test("withoutMarks() takes marks of either kind from both ends and none from within", () => {
  const cases: [string, string][] = [
    ["<s> a b </s>", "a b"],
    ["a b </s>", "a b"],
    ["</s> a b <s>", "a b"],
    ["<s> <s> a </s> b <s> c </s> </s>", "a </s> b <s> c"],
    ["<s> </s>", ""],
    ["", ""],
    ["<unk> a <S>", "<unk> a <S>"],
  ];
  for (const [line, wanted] of cases) {
    assertEquals(withoutMarks(splitWords(line)), splitWords(wanted), line);
  }
});

Deno.test("frequencyLines() lists all words and both marks", () => {
  const linesOf = (counts: WordCounts) => [...frequencyLines(counts)].join("");
  assertEquals(linesOf(count("b a b\n")), "</s> 2\n<s> 2\nb 2\na 1\n");
  assertEquals(linesOf(count("! ! a b b b")), "b 3\n! 2\n</s> 1\n<s> 1\na 1\n");
  assertEquals(linesOf(count("! = =")), "= 2\n! 1\n</s> 1\n<s> 1\n");
  assertEquals(linesOf(count("a a")), "a 2\n</s> 1\n<s> 1\n");
  const unused = new WordCounts(tableOf(["a", "b"]), Float64Array.of(2, 0), 1);
  assertEquals(linesOf(unused), "a 2\n</s> 1\n<s> 1\n");
});

Deno.test("readVocabularyFile() reads a word a line", async () => {
  assertEquals(await readContent("the\r\n caf\u00e9 \n<unk>"), ["the", "caf\u00e9", "<unk>"]);
});

Deno.test("readVocabularyFile() names the line that is wrong", async () => {
  await assertRejects(() => readContent("a\nb\na\n"), Failure, 'line 3 repeats "a" of line 1');
  await assertRejects(() => readContent("a\n\nb\n"), Failure, "line 2 has no word");
  await assertRejects(() => readContent(""), Failure, "line 1 has no word");
  await assertRejects(() => readContent("a b\n"), Failure, "line 1 has 2 words");
  await assertRejects(() => readContent("a 1\nb 7 c\n"), Failure, "line 2 has 3 words");
  const alone = "line 2 has a word and a count, but line 1 has a word; write all lines alike";
  await assertRejects(() => readContent("a\nb 7\n"), Failure, alone);
  await assertRejects(() => readContent("a 7\nb 1\n7\n"), Failure, "line 3 has a word, but line 1");
  await assertRejects(() => readContent("a 7\nb -1\n"), Failure, "line 2 has 2 words");
  await assertRejects(() => readContent("a 7\nb 1x\n"), Failure, "line 2 has 2 words");
  await assertRejects(() => readVocabularyFile("no/such/file"), UsageError, "no/such/file");
});
