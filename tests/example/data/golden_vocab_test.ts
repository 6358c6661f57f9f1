// The vocabulary and the batches against the reference.

import { assert, assertEquals } from "@std/assert";
import { type Sentences, SentencesBuilder } from "../../../example/data/sentences.ts";
import { BOS, EOS, UNK } from "../../../example/data/vocab.ts";
import { frequencyLines } from "../../../example/data/word_counts.ts";
import { goldenCases } from "../../support/golden.ts";
import { BATCHES, batchesOf, loadWhole, type WholeCorpus, wordsOf } from "../../support/texts.ts";

interface VocabCase {
  text: string;
  minFreq: number;
  vocabFile: string[] | null;
  idx2word: string[];
  idx2count: number[];
  bptt: number;
  sentences: number[][];
  padded: number[][];
  lengths: number[];
  chunks: number[][];
  freqTxt: string;
}

const cases = goldenCases<VocabCase>("vocab.json");

/** The case's text as a corpus. */
async function corpusOf({ text, minFreq, vocabFile }: VocabCase): Promise<WholeCorpus> {
  const folder = Deno.makeTempDirSync();
  try {
    for (const part of ["train", "valid", "test"]) {
      Deno.writeTextFileSync(`${folder}/${part}.txt`, text);
    }
    const vocab = vocabFile && `${folder}/vocab.txt`;
    if (vocab) Deno.writeTextFileSync(vocab, vocabFile.join("\n"));
    return await loadWhole({ data: folder, vocab, minFreq });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("Vocabulary agrees with the reference on words, counts and freq.txt", async () => {
  for (const golden of cases) {
    const { vocabulary, train, occurrences } = await corpusOf(golden);
    assertEquals(wordsOf(vocabulary), golden.idx2word);
    assertEquals([...frequencyLines(occurrences)].join(""), golden.freqTxt);
    // The reference never counts </s>, though within a line it predicts it, and forgets to count the
    // words that a vocabulary file leaves out: these two are as often as they are to be predicted.
    const skipped = golden.vocabFile === null ? [EOS] : [EOS, UNK];
    for (const [id, count] of vocabulary.counts.entries()) {
      assertEquals(count, train.ids.subarray(1).filter((target) => target === id).length);
      if (!skipped.includes(id)) assertEquals(count, golden.idx2count[id]);
    }
    assertEquals(vocabulary.counts.length, golden.idx2count.length);
  }
});

Deno.test("Corpus agrees with the reference on sentences that it does not cut", async () => {
  let whole = 0;
  for (const golden of cases) {
    const { train } = await corpusOf(golden);
    assertEquals(train.length, golden.sentences.length);
    for (const [i, sentence] of golden.sentences.entries()) {
      const ours = [...train.at(i)];
      // The reference loses what is beyond `bptt` words; ours keeps it.
      if (ours.length === sentence.length) whole++;
      else assert(ours.length > golden.bptt + 2 && sentence.length === golden.bptt + 2);
      assertEquals(ours.slice(0, sentence.length - 1), sentence.slice(0, -1));
      if (ours.length === sentence.length) assertEquals(ours, sentence);
    }
  }
  assert(whole > 0);
});

Deno.test("trainingBatches() reads and predicts what the reference does when no sentence is cut", async () => {
  let whole = 0;
  for (const golden of cases) {
    const { train } = await corpusOf(golden);
    const options = { ...BATCHES, batchSize: train.length, bptt: 1000 };
    const found: string[] = [];
    for (
      const { batchSize, steps, input, target, mask, resets } of batchesOf(train, options, 1)
    ) {
      for (let b = 0; b < batchSize; b++) {
        let ids: number[] = [];
        for (let at = b; at < steps * batchSize && mask[at] === 1; at += batchSize) {
          if (at === b || resets[at] === 1) {
            if (ids.length > 0) found.push(ids.join());
            ids = [input[at]!];
          }
          ids.push(target[at]!);
        }
        found.push(ids.join());
      }
    }
    assertEquals(found.length, train.length);
    assertEquals(golden.lengths.length, train.length);
    for (const [i, length] of golden.lengths.entries()) {
      if (train.at(i).length !== length) continue; // cut by the reference
      whole++;
      assert(found.includes(golden.padded[i]!.slice(0, length).join()), `sentence ${i}`);
    }
  }
  assert(whole > 0);
});

/** The inputs of each row of the batches of the joined text, in order. */
function rowsOf(train: Sentences, bptt: number): string[] {
  const options = { ...BATCHES, batchSize: 3, bptt, concat: true };
  return batchesOf(train, options, 1).flatMap(({ batchSize, input, mask }) =>
    Array.from(
      { length: batchSize },
      (_, b) => [...input].filter((_, i) => i % batchSize === b && mask[i] === 1).join(),
    )
  ).sort();
}

/**
 * The reference's chunks, in order, as far as they are to be read. It drops the last, shorter one, which is
 * read here, too; and it reads the last mark where that ends a chunk, though nothing follows to be predicted.
 */
function chunksToRead(chunks: readonly (readonly number[])[], train: Sentences): string[] {
  const inputs = train.ids.subarray(0, -1), length = chunks.flat().length;
  const whole = chunks.map((chunk, i) =>
    i === chunks.length - 1 && length > inputs.length ? chunk.slice(0, -1) : chunk
  );
  return [...whole, [...inputs.subarray(length)]].filter((chunk) => chunk.length > 0)
    .map((chunk) => chunk.join()).sort();
}

Deno.test("trainingBatches() cuts the joined text as the reference does, and keeps its end", async () => {
  for (const golden of cases) {
    const { train } = await corpusOf(golden), { chunks, bptt } = golden;
    assert(chunks.length > 0 && chunks.every((chunk) => chunk.length === bptt));
    assertEquals(rowsOf(train, bptt), chunksToRead(chunks, train));
  }
});

Deno.test("trainingBatches() does not read the last mark, which nothing follows, where it ends a chunk", () => {
  const builder = new SentencesBuilder();
  for (const words of [[3, 4], [5, 6, 7]]) builder.add(words);
  const train = builder.build(), mark = BOS;
  assertEquals([...train.ids], [mark, 3, 4, mark, 5, 6, 7, mark]);
  const read: [number, number[][], string[]][] = [
    [4, [[mark, 3, 4, mark], [5, 6, 7, mark]], ["1,3,4,1", "5,6,7"]],
    [2, [[mark, 3], [4, mark], [5, 6], [7, mark]], ["1,3", "4,1", "5,6", "7"]],
    [8, [[mark, 3, 4, mark, 5, 6, 7, mark]], ["1,3,4,1,5,6,7"]],
    [1, [...train.ids].map((id) => [id]), ["1", "1", "3", "4", "5", "6", "7"]],
    [7, [[mark, 3, 4, mark, 5, 6, 7]], ["1,3,4,1,5,6,7"]],
    [3, [[mark, 3, 4], [mark, 5, 6]], ["1,3,4", "1,5,6", "7"]],
  ];
  for (const [bptt, chunks, expected] of read) {
    assertEquals(rowsOf(train, bptt), expected);
    assertEquals(chunksToRead(chunks, train), expected);
  }
});
