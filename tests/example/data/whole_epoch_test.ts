// An epoch of a whole text: how many rows a batch has, and what may not be alone in one.

import { assert, assertEquals } from "@std/assert";
import { trainingBatches } from "../../../example/data/batches.ts";
import type { BatchSettings } from "../../../example/data/epoch.ts";
import type { Batch, BatchDimensions } from "../../../example/data/row_batch.ts";
import type { Sentences } from "../../../example/data/sentences.ts";
import { rowsOfBatch } from "../../../example/data/whole_epoch.ts";
import { pairsOf, predictions } from "../../support/predictions.ts";
import { BATCHES, batchesOf, differentWords } from "../../support/texts.ts";

Deno.test("trainingBatches() leaves no target alone in its batch if noise comes from it", () => {
  const empty = new Array(40).fill(0);
  const cases: [Sentences, Partial<BatchSettings>][] = [
    [differentWords([35]), { concat: true }],
    [differentWords([35]), { concat: true, carryState: true }],
    [differentWords([70]), { concat: true, carryState: true, batchSize: 2 }],
    [differentWords([2]), { concat: true, carryState: true, bptt: 1, batchSize: 2 }],
    [differentWords([35]), {}],
    [differentWords([3, 0]), {}],
    [differentWords([3, ...empty, 5, ...empty]), {}],
    [differentWords([1]), { bptt: 2 }],
  ];
  for (const [text, given] of cases) {
    const options: BatchSettings = { ...BATCHES, batchSize: 1, ...given };
    for (let epoch = 1; epoch <= 5; epoch++) {
      const batches = batchesOf(text, { ...options, noise: "batch+uniform" }, epoch);
      // Words before a cut are read again and not predicted, but may be told apart from.
      const others = ({ tokens, steps, batchSize }: Batch) =>
        options.carryState ? tokens : steps * batchSize;
      assert(batches.every((batch) => others(batch) > 1), JSON.stringify(given));
      assertEquals(batches.flatMap(predictions).sort(), pairsOf(text).sort());
      const places = ({ steps, batchSize }: BatchDimensions) => steps * batchSize;
      const noisy = { ...options, noise: "batch+uniform" } as const;
      const largest = trainingBatches(text, noisy, epoch).largest();
      assertEquals(places(largest), Math.max(...batches.map(places)), JSON.stringify(given));
    }
  }
});

Deno.test("streams end with one step more where that would be a single target, and nowhere else", () => {
  const options = { ...BATCHES, batchSize: 2, bptt: 3, concat: true, carryState: true };
  for (const [words, lone, others] of [[6, 1, 2], [7, 2, 2], [8, 2, 2]] as const) {
    const count = (noise: BatchSettings["noise"]) =>
      batchesOf(differentWords([words]), { ...options, noise }, 1).length;
    assertEquals([count("batch"), count("unigram")], [lone, others]);
  }
});

Deno.test("trainingBatches() keeps a target that is alone in the whole text", () => {
  const options: BatchSettings = { ...BATCHES, batchSize: 2, noise: "batch" };
  assertEquals(batchesOf(differentWords([0]), options, 1).map(({ tokens }) => tokens), [1]);
});

Deno.test("rowsOfBatch() takes the number of rows that is nearest to the tokens of a batch", () => {
  const of = (mean: number, concat: boolean) => rowsOfBatch({ batchSize: 20, concat }, mean, 35);
  assertEquals([of(10, false), of(9, false), of(0.5, false), of(10, true)], [6, 5, 1, 20]);
});

Deno.test("trainingBatches() makes batches of very many rows", () => {
  const text = differentWords(new Array(200_000).fill(1)), options = { ...BATCHES, bptt: 2 };
  const [batch, ...rest] = batchesOf(text, { ...options, batchSize: 200_000 }, 1);
  assertEquals([batch!.batchSize, batch!.steps, batch!.tokens, rest.length], [
    200_000,
    2,
    400_000,
    0,
  ]);
});
