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
const REPLACED = "another program replaced it while it was read; try again";

/**
 * The vocabulary from its tensors.
 *
 * @param known The vocabulary, or only the words, that the file must have: they are compared, and not held twice.
 */
export function vocabularyOf(
  file: ByteSource,
  { places }: Layout,
  fail: Fail,
  known?: Vocabulary | WordTable,
): Vocabulary {
  const words = places.get(WORDS), counts = places.get(COUNTS);
  const table = known instanceof Vocabulary ? known.table : known;
  if (table && !holds(file, words, table.joined)) return fail(REPLACED);
  if (known instanceof Vocabulary) {
    return holds(file, counts, byteView(known.counts)) ? known : fail(REPLACED);
  }
  if (words === undefined) return fail("its words are missing");
  const all = table ?? readTable(file.read(words.begin, words.end), fail);
  if (counts === undefined) return fail("its counts are missing");
  const numbers = new Float64Array(ownBuffer(file.read(counts.begin, counts.end)));
  return readVocabulary(() => Vocabulary.fromTable(all, numbers), fail);
}

function readTable(joined: Uint8Array<ArrayBuffer>, fail: Fail): WordTable {
  const table = WordTable.of(joined);
  if (table === undefined) {
    return fail("the vocabulary is damaged: words are missing or there twice");
  }
  return table.isText ? table : fail("the vocabulary is damaged: its words are not UTF-8");
}

/** Whether a tensor of a file is there and has these bytes, of which only some are read at a time. */
function holds(file: ByteSource, place: TensorPlace | undefined, bytes: Uint8Array): boolean {
  if (place === undefined || place.end - place.begin !== bytes.length) return false;
  let at = 0;
  for (const chunk of chunksOf(file, place.begin, place.end)) {
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
