/** The vocabulary in a model file. */

import { equals } from "@std/bytes";
import { Vocabulary } from "../data/vocab.ts";
import { WordTable } from "../data/word_table.ts";
import { type Fail, Failure } from "../shared/errors.ts";
import { type ByteSource, byteView, chunksOf, ownBuffer } from "../shared/files.ts";
import type { Layout, TensorPlace } from "./safetensors.ts";

/** The tensor of the words in UTF-8, each with a newline behind it: a header has no room for millions. */
export const WORDS = "vocabulary.words";
/** The tensor of the words' counts. */
export const COUNTS = "vocabulary.counts";

/** The vocabulary from its tensors. */
export function vocabularyOf(file: ByteSource, { places }: Layout, fail: Fail): Vocabulary {
  const words = places.get(WORDS), counts = places.get(COUNTS);
  if (words === undefined) return fail("its words are missing");
  const table = WordTable.of(file.read(words.begin, words.end));
  if (table === undefined) {
    return fail("the vocabulary is damaged: words are missing or there twice");
  }
  if (!table.isText) return fail("the vocabulary is damaged: its words are not UTF-8");
  if (counts === undefined) return fail("its counts are missing");
  const numbers = new Float64Array(ownBuffer(file.read(counts.begin, counts.end)));
  return readVocabulary(() => Vocabulary.fromTable(table, numbers), fail);
}

/** Whether a file's vocabulary is the known one; of its tensors only some bytes are held at a time. */
export function hasVocabulary(file: ByteSource, { places }: Layout, known: Vocabulary): boolean {
  const words = places.get(WORDS), counts = places.get(COUNTS);
  return words !== undefined && holds(file, words, known.table.joined) &&
    counts !== undefined && holds(file, counts, byteView(known.counts));
}

/** Whether these bytes are at a place of a file. */
function holds(file: ByteSource, { begin, end }: TensorPlace, bytes: Uint8Array): boolean {
  if (end - begin !== bytes.length) return false;
  let at = 0;
  for (const chunk of chunksOf(file, begin, end)) {
    if (!equals(chunk, bytes.subarray(at, at += chunk.length))) return false;
  }
  return true;
}

/** The vocabulary that `read` makes from a file. */
export function readVocabulary(read: () => Vocabulary, fail: Fail): Vocabulary {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return fail(error.message);
  }
}
