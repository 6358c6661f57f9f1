/** Splits lines into words, and reads vocabulary files. */

import { Failure } from "../shared/errors.ts";
import { checkFile } from "../shared/files.ts";
import { linesOf, openChunks } from "./input.ts";
import { WordTable } from "./word_table.ts";

/** Python's `str.split()` splits at these: Unicode white space and the four ASCII separators. */
const SPACE = new RegExp(`[\\p{White_Space}${"\u001c"}-${"\u001f"}]+`, "u");

/** The words of a line, split at white space. */
export function splitWords(line: string): string[] {
  return line.split(SPACE).filter((word) => word !== "");
}

/**
 * The words of a line without any `<s>` and `</s>` at its ends, since every sentence has its own marks.
 * Within the line they are words.
 */
export function withoutMarks(words: readonly string[]): readonly string[] {
  const isMark = (word: string) => word === "<s>" || word === "</s>";
  const start = words.findIndex((word) => !isMark(word));
  return start < 0 ? [] : words.slice(start, words.findLastIndex((word) => !isMark(word)) + 1);
}

/**
 * Reads a vocabulary file: one word per line, or a word and its count, as in `freq.txt`. The counts are
 * ignored.
 *
 * @throws {UsageError} If the file does not exist.
 * @throws {Failure} If a line is empty, repeats a word, or does not have the form of the first line.
 */
export async function readVocabularyFile(path: string): Promise<WordTable> {
  const table = new WordTable();
  let number = 0, wanted: string | undefined;
  const bad = (why: string) => new Failure(`Cannot use vocabulary ${path}: line ${number} ${why}`);
  const add = (line: string) => {
    number++;
    const parts = splitWords(line), [word] = parts, form = formOf(parts);
    if (word === undefined) throw bad("has no word; remove it");
    if (form === undefined) {
      throw bad(`has ${parts.length} words; write a word a line, or a word and its count`);
    }
    if (form !== (wanted ??= form)) {
      throw bad(`has ${form}, but line 1 has ${wanted}; write all lines alike`);
    }
    const before = table.addText(word) + 1;
    if (before < number) throw bad(`repeats "${word}" of line ${before}; remove one of them`);
  };
  checkFile(path);
  for await (const lines of linesOf(path, openChunks(path))) lines.forEach(add);
  if (number > 0) return table;
  throw new Failure(`Cannot use vocabulary ${path}: line 1 has no word, the file is empty`);
}

function formOf([, count, ...more]: readonly string[]): string | undefined {
  if (count === undefined) return "a word";
  return more.length === 0 && /^\d+$/.test(count) ? "a word and a count" : undefined;
}
