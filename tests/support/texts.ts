/** Texts and vocabularies in forms that are easy to compare. */

import fc from "fast-check";
import { trainingBatches } from "../../example/data/batches.ts";
import { type Corpus, type CorpusOptions, loadCorpus } from "../../example/data/corpus.ts";
import type { BatchSettings } from "../../example/data/epoch.ts";
import type { Batch } from "../../example/data/row_batch.ts";
import { Sentences, SentencesBuilder } from "../../example/data/sentences.ts";
import type { Vocabulary } from "../../example/data/vocab.ts";
import { WordCounts } from "../../example/data/word_counts.ts";
import { WordTable } from "../../example/data/word_table.ts";

/** A corpus whose training text is in memory. */
export type WholeCorpus = Corpus & { readonly train: Sentences };

/** Loads a corpus that is small enough for memory. */
export async function loadWhole(options: CorpusOptions): Promise<WholeCorpus> {
  const corpus = await loadCorpus(options), { train } = corpus;
  if (!(train instanceof Sentences)) throw new Error("the text is not in memory");
  return { ...corpus, train };
}

const size = fc.integer({ min: 1, max: 9 });
/** Settings of batches, where a test needs no others. */
export const BATCHES: BatchSettings = {
  ...{ batchSize: 20, bptt: 35, seed: 1 },
  ...{ concat: false, carryState: false, noise: "unigram" },
};
/** Any settings of small batches. */
export const anyTraining: fc.Arbitrary<BatchSettings> = fc.record({
  batchSize: size,
  bptt: size,
  seed: fc.nat(),
  concat: fc.boolean(),
  carryState: fc.boolean(),
  noise: fc.constantFrom("unigram", "batch", "batch+uniform"),
}).map((given) => ({ ...given, carryState: given.carryState && given.concat }));

/** All batches of an epoch. */
export function batchesOf(text: Sentences, settings: BatchSettings, epoch: number): Batch[] {
  return [...trainingBatches(text, settings, epoch)];
}

/** Sentences of these numbers of words; every word is different. */
export function differentWords(lengths: readonly number[]): Sentences {
  const builder = new SentencesBuilder();
  let word = 3;
  for (const length of lengths) builder.add(Array.from({ length }, () => word++));
  return builder.build();
}

/** The words of a vocabulary or a table, by id. */
export function wordsOf(words: Pick<Vocabulary, "table"> | WordTable): string[] {
  const table = words instanceof WordTable ? words : words.table;
  return Array.from({ length: table.size }, (_, id) => table.text(id));
}

/** The words and the counts of a vocabulary, by id. */
export function listsOf(vocabulary: Vocabulary): { words: string[]; counts: number[] } {
  return { words: wordsOf(vocabulary), counts: [...vocabulary.counts] };
}

/** A table of these words. */
export function tableOf(words: Iterable<string>): WordTable {
  const table = new WordTable();
  for (const word of words) table.add(new TextEncoder().encode(word));
  return table;
}

/** The counts of sentences of words. */
export function countWords(sentences: readonly (readonly string[])[]): WordCounts {
  const counts = new WordCounts();
  for (const word of sentences.flat()) counts.add(new TextEncoder().encode(word));
  counts.sentences = sentences.length;
  return counts;
}
