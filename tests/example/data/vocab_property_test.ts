// Vocabularies of any words: ids, counts, files, against a plain version.

import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { Failure } from "../../../example/shared/errors.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { frequencyLines } from "../../../example/data/word_counts.ts";
import { readVocabularyFile } from "../../../example/data/words.ts";
import { check, checkAsync } from "../../support/property.ts";
import { PYTHON_SPACE } from "../../support/python_text.ts";
import { countWords, listsOf, tableOf, wordsOf } from "../../support/texts.ts";

const FILE = Deno.makeTempFileSync();
globalThis.addEventListener("unload", () => Deno.removeSync(FILE));

const MARKS = ["<unk>", "<s>", "</s>"];
const SPACE = new Set(PYTHON_SPACE);
const commonWord = fc.constantFrom(
  ...MARKS,
  "a",
  "b",
  "c",
  "7",
  "__proto__",
  "\uff21",
  "\u{1f600}",
  "\uffff",
);
/** Words as a file may have them. */
const fileWord = fc.oneof(
  commonWord,
  fc.string({ unit: "binary", minLength: 1, maxLength: 3 }).filter((word) =>
    // At the start of a file U+FEFF is a byte order mark, and NUL is in no text.
    [...word].every((character) => !SPACE.has(character) && !"\ufeff\0".includes(character))
  ),
);
/** Any strings, halves of surrogate pairs included, which are in no text. */
const anyWord = fc.oneof(
  fileWord,
  fc.array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { minLength: 1, maxLength: 3 })
    .map((units) => String.fromCharCode(...units)),
);
const sentencesOf = (word: fc.Arbitrary<string>) =>
  fc.array(fc.array(word, { maxLength: 8 }), { maxLength: 8 });

/** Code points; half of a pair alone is one, too. */
function compareByCodePoints(a: string, b: string): number {
  const [x, y] = [a, b].map((word) => [...word].map((character) => character.codePointAt(0)!));
  const at = x!.findIndex((code, i) => code !== y![i]);
  return at < 0 ? x!.length - y!.length : at >= y!.length ? 1 : x![at]! - y![at]!;
}

/** The words of a vocabulary and how often each is predicted, the long way. */
function reference(
  sentences: readonly string[][],
  minFreq: number,
  chosen?: readonly string[],
): [string[], number[]] {
  const all = sentences.flat(),
    timesOf = (word: string) => all.filter((other) => other === word).length;
  const frequent = [...new Set(all)].filter((word) => timesOf(word) >= minFreq)
    .sort((a, b) => timesOf(b) - timesOf(a) || compareByCodePoints(a, b));
  const words = [...MARKS, ...(chosen ?? frequent).filter((word) => !MARKS.includes(word))];
  const counts = words.map(timesOf);
  counts[0] = all.filter((word) => word === "<unk>" || !words.includes(word)).length;
  counts[1]! += sentences.length;
  return [words, counts];
}

Deno.test("Vocabulary.fromCounts() chooses and counts words as a plain version does", () => {
  const minFreq = fc.integer({ min: 1, max: 3 });
  const chosen = fc.option(fc.uniqueArray(fileWord, { maxLength: 8 }), { nil: undefined });
  check(fc.property(sentencesOf(fileWord), minFreq, chosen, (sentences, minFreq, chosen) => {
    const options = { minFreq, ...(chosen && { words: tableOf(chosen) }) };
    const vocabulary = Vocabulary.fromCounts(countWords(sentences), options);
    const [words, counts] = reference(sentences, minFreq, chosen);
    assertEquals(wordsOf(vocabulary), words);
    assertEquals([...vocabulary.counts], counts);
    const tokens = sentences.flat().length + sentences.length;
    assertEquals(vocabulary.counts.reduce((sum, count) => sum + count, 0), tokens);
  }));
});

Deno.test("Vocabulary has ids and words that are each other's inverse, in memory and rebuilt", () => {
  check(fc.property(sentencesOf(fileWord), anyWord, (sentences, other) => {
    fc.pre(sentences.length > 0); // a text without sentences is refused
    const vocabulary = Vocabulary.fromCounts(countWords(sentences));
    const [words, counts] = JSON.parse(
      JSON.stringify([wordsOf(vocabulary), [...vocabulary.counts]]),
    );
    const rebuilt = Vocabulary.from(words, counts);
    assertEquals(listsOf(rebuilt), listsOf(vocabulary));
    for (const [id, word] of wordsOf(vocabulary).entries()) {
      assertEquals([rebuilt.id(word), rebuilt.word(id)], [id, word]);
    }
    assertEquals(rebuilt.id(other), Math.max(0, wordsOf(vocabulary).indexOf(other)));
    for (const sentence of sentences) {
      const ids = rebuilt.encode(sentence);
      assertEquals(ids.map((id) => rebuilt.word(id)), sentence);
      assert(ids.every((id) => rebuilt.counts[id]! > 0), "a word of the text counts 0");
    }
  }));
});

Deno.test("readVocabularyFile() reads freq.txt and lists of words back", () => {
  const end = fc.constantFrom("\n", "\r\n", "\r");
  return checkAsync(
    fc.asyncProperty(sentencesOf(fileWord), end, fc.boolean(), async (sentences, end, closed) => {
      const counts = countWords(sentences), vocabulary = Vocabulary.fromCounts(counts);
      const frequencies = [...frequencyLines(counts)].join("");
      const list = wordsOf(vocabulary).map((word) => `${word}\n`).join("");
      for (const text of [frequencies, list]) {
        const written = (closed ? text : text.slice(0, -1)).replaceAll("\n", end);
        Deno.writeTextFileSync(FILE, written);
        const words = await readVocabularyFile(FILE);
        assertEquals(listsOf(Vocabulary.fromCounts(counts, { words })), listsOf(vocabulary));
      }
    }),
  );
});

Deno.test("readVocabularyFile() names the first line that is unlike line 1, or repeats another", () => {
  const words = fc.uniqueArray(fileWord, { minLength: 2, maxLength: 8 });
  const bad = fc.constantFrom("other form", "three words", "no word", "repeated");
  return checkAsync(
    fc.asyncProperty(words, fc.boolean(), bad, fc.nat(), async (words, counted, bad, place) => {
      const lines = words.map((word) => counted ? `${word} 3` : word),
        at = 1 + place % (words.length - 1);
      lines[at] = {
        "other form": counted ? words[at]! : `${words[at]} 3`,
        "three words": `${words[at]} 3 4`,
        "no word": " ",
        "repeated": lines[0]!,
      }[bad];
      Deno.writeTextFileSync(FILE, lines.join("\n") + "\n");
      const { message } = await assertRejects(() => readVocabularyFile(FILE), Failure);
      assert(message.startsWith(`Cannot use vocabulary ${FILE}: line ${at + 1} `), message);
    }),
  );
});
