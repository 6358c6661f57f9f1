// Texts beyond memory: every token once in each epoch, by windows, and nothing else than from memory.

import { createHash } from "node:crypto";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { trainingBatches } from "../../../example/data/batches.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { MARK } from "../../../example/data/id_file.ts";
import { LargeText } from "../../../example/data/large_text.ts";
import type { Batch } from "../../../example/data/row_batch.ts";
import { Sentences } from "../../../example/data/sentences.ts";
import { WordCounts } from "../../../example/data/word_counts.ts";
import { predictions } from "../../support/predictions.ts";
import { checkAsync } from "../../support/property.ts";
import { anyTraining, BATCHES, loadWhole } from "../../support/texts.ts";

const FOLDER = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(FOLDER, { recursive: true }));

/** A text of sentences of these lengths, in memory and in windows of blocks of `block` tokens. */
async function bothOf(lengths: readonly number[], block: number, bytes: number) {
  let word = 0;
  const lines = lengths.map((length) => Array.from({ length }, () => `w${word++}`).join(" "));
  for (const part of ["train", "valid", "test"]) {
    Deno.writeTextFileSync(
      `${FOLDER}/${part}.txt`,
      part === "train" ? lines.join("\n") + "\n" : "w0",
    );
  }
  const { train: whole } = await loadWhole({ data: FOLDER });
  const sizes = { kept: Infinity, block };
  const { train } = await loadCorpus({ data: FOLDER, corpusMemory: bytes / 1e9 }, undefined, sizes);
  return { whole, train };
}

/** Copies of a batch's arrays: it is valid for a while only. */
function copyOf({ input, target, mask, resets, tokens, continues }: Batch) {
  return { input, target, mask, resets, tokens, continues };
}

const lengths = fc.array(fc.nat(20), { minLength: 2, maxLength: 40 })
  .filter((lengths) => lengths.some((length) => length > 0));
const size = fc.integer({ min: 1, max: 9 });

Deno.test("trainingBatches() of a text beyond memory predicts every token once, by windows", async () => {
  let windows = 0;
  await checkAsync(
    fc.asyncProperty(lengths, anyTraining, size, size, async (lengths, options, epoch, block) => {
      const { whole, train } = await bothOf(lengths, block, 300);
      const batches = trainingBatches(train, options, epoch), { ids } = whole;
      const wanted = Array.from(ids.subarray(1), (id, i) => `${ids[i]} ${id}`);
      assertEquals(Array.from(batches, predictions).flat().sort(), wanted.sort());
      if (train instanceof Sentences) return;
      windows++;
      const blocks = train.blocks.length, share = train.bytes * train.window / blocks;
      assert(train.window === 1 || share <= train.memory, "a window is too large");
      assertEquals([train.tokens, train.length, train.words], [
        whole.tokens,
        whole.length,
        whole.words,
      ]);
      // The same again, from any batch on, whatever was asked for before.
      const first = Array.from(batches, copyOf), largest = batches.largest().input.join();
      assert(first.some(({ input }) => input.join() === largest), "it is none of the batches");
      const again = trainingBatches(train, options, epoch);
      for (const i of [first.length - 1, 0, first.length >> 1]) {
        assertEquals(copyOf(again.at(i)), first[i]);
      }
      if (options.carryState) {
        assertEquals(batches.continues, true);
        if (options.noise !== "unigram") return; // rows are filled up with words of the batch
        assertEquals(first, Array.from(trainingBatches(whole, options, epoch), copyOf));
      } else if (options.noise !== "unigram") {
        for (const { target, mask } of first) {
          assert(target.every((id, i) => mask[i] === 1 || ids.includes(id)));
          assert(target.length > 1, "a target is alone");
        }
      }
    }),
  );
  assert(windows > 100, `${windows} texts were beyond memory`);
});

Deno.test("trainingBatches() takes other blocks together in each epoch, and shuffles within windows", async () => {
  const { train } = await bothOf(new Array(64).fill(3), 16, 1500);
  assert(train instanceof LargeText);
  assertEquals([train.blocks.length, train.window > 1, train.window < 8], [16, true, true]);
  const options = { ...BATCHES, batchSize: 4, bptt: 8, seed: 5 };
  const orders = [1, 2, 1].map((epoch) =>
    Array.from(trainingBatches(train, options, epoch), predictions).flat()
  );
  assertEquals(orders[0], orders[2]);
  assertNotEquals(orders[0], orders[1]);
  assertEquals(orders[0]!.toSorted(), orders[1]!.toSorted());
  assertNotEquals(orders[0], orders[0]!.toSorted());
  // Two epochs in turn do not take each other's memory for theirs.
  const epochs = [1, 2].map((epoch) => trainingBatches(train, options, epoch));
  const found: string[][] = [[], []];
  for (let i = 0; i < 3; i++) {
    epochs.forEach((epoch, e) => found[e]!.push(...predictions(epoch.at(i))));
  }
  found.forEach((pairs, e) => assertEquals(pairs, orders[e]!.slice(0, pairs.length)));
  const batch = trainingBatches(train, options, 1).largest();
  assert(batch.steps * batch.batchSize >= 16);
});

Deno.test("trainingBatches() of a text beyond memory gives the same batches in all versions", async () => {
  const { train } = await bothOf(Array.from({ length: 64 }, (_, i) => i % 11), 16, 1500);
  const options = { ...BATCHES, batchSize: 1, bptt: 8, seed: 5 };
  const found = (["unigram", "batch"] as const).map((noise) => {
    const hash = createHash("sha256"), batches = trainingBatches(train, { ...options, noise }, 2);
    for (const { input, target, mask } of batches) hash.update(input).update(target).update(mask);
    const { steps, batchSize } = batches.largest();
    return [batches.length, steps, batchSize, hash.digest("hex").slice(0, 16)];
  });
  assertEquals(found, [[54, 8, 1, "fd886d9b52c4c5f0"], [26, 8, 2, "fc95ea72a61e8967"]]);
});

Deno.test("LargeText has another hash if its words are others, or other words are unknown", async () => {
  const hashOf = async (lengths: readonly number[], minFreq: number) => {
    await bothOf(lengths, 1, 100);
    const options = { data: FOLDER, minFreq, corpusMemory: 1e-9 };
    const { train } = await loadCorpus(options, undefined, { kept: Infinity, block: 1 });
    assert(train instanceof LargeText);
    return train.hash;
  };
  const hashes = [await hashOf([3, 2], 1), await hashOf([2, 3], 1), await hashOf([3, 2], 2)];
  assertEquals([new Set(hashes).size, await hashOf([3, 2], 1)], [3, hashes[0]]);
});

Deno.test("loadCorpus() reads a text in any blocks as in one", async () => {
  for (const block of [1, 7, 50, 1e6]) {
    const { whole, train } = await bothOf([3, 0, 5, 1, 0, 0, 9], block, 1e9);
    assertEquals(train, whole);
  }
});

Deno.test("LargeText reads where positions take more than 32 bits", () => {
  // Each block is "<s> a b"; none is stored.
  const numbers = [MARK, 0, 1], blockTokens = 3 * 2 ** 21, count = 1000;
  const file = {
    name: "a",
    size: Infinity,
    read(begin: number, end: number) {
      const first = begin / 4, ids = new Uint32Array((end - begin) / 4);
      return new Uint8Array(ids.map((_, i) => numbers[(first + i) % 3]!).buffer);
    },
  };
  const block = { tokens: blockTokens, lengths: [[3, blockTokens / 3]] as const };
  const info = {
    source: "",
    text: "",
    sentences: count * 2 ** 21,
    words: 2,
    blocks: [],
    notes: [],
  };
  const blocks = new Array(count).fill(block);
  const words = Uint32Array.of(0, 1), counts = new WordCounts();
  const text = new LargeText(
    { file, info: { ...info, blocks }, counts, words },
    Uint32Array.of(7, 8),
    1,
  );
  assert(text.tokens > 2 ** 32 && text.length * 3 === text.tokens);
  assertEquals([text.window, text.fits], [1, false]);
  const far = text.tokens - 6;
  assertEquals([...text.slice(far, text.tokens + 1)], [1, 7, 8, 1, 7, 8, 1]);
  const options = { ...BATCHES, batchSize: 2, bptt: 4, concat: true, carryState: true };
  const streams = trainingBatches(text, options, 1), last = streams.at(streams.length - 1);
  assertEquals(streams.length, text.tokens / 8);
  assertEquals([...last.input], [8, 8, 1, 1, 7, 7, 8, 8]);
  assertEquals([...last.target], [1, 1, 7, 7, 8, 8, 1, 1]);
  const shuffled = trainingBatches(text, { ...BATCHES, batchSize: 100 }, 1);
  assertEquals(shuffled.length, count * Math.ceil(2 ** 21 / 100));
});
