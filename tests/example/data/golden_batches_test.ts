// The batches of a text in memory, to the last bit: digests of those that the first version made.

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { evaluationBatches } from "../../../example/data/batches.ts";
import type { BatchSettings } from "../../../example/data/epoch.ts";
import type { Batch } from "../../../example/data/row_batch.ts";
import { BATCHES, batchesOf, loadWhole } from "../../support/texts.ts";

const DATA = "synthetic:words=30000,vocab=700,seed=3";
const SETTINGS: BatchSettings = { ...BATCHES, seed: 1111 };

/** Digests of the first and the second epoch. */
const GOLDEN: readonly (readonly [Partial<BatchSettings>, string, string])[] = [
  [{}, "1cf2c919a597fc38", "073f8392a94ae5d7"],
  [{ concat: true }, "9467fcdba1773348", "7623c7606b1b28ef"],
  [{ concat: true, carryState: true }, "6939954105cfb433", "6939954105cfb433"],
  [{ noise: "batch" }, "5343f73e1359b393", "221b40b0434e34b0"],
  [{ noise: "batch", concat: true, carryState: true }, "a81480587127b76a", "a81480587127b76a"],
  [{ bptt: 7 }, "38ad88552a750437", "06e8ec35660a9aa9"],
  [{ bptt: 7, batchSize: 1, noise: "batch" }, "0556d043a0cf0ecd", "ae3abfe29f7efd15"],
  [
    { bptt: 3, batchSize: 1, noise: "batch+unigram", concat: true },
    "b8aac8bb62541f8a",
    "b6b90163fb659fda",
  ],
];

/** Digests of the batches of valid, and of test in small batches. */
const EVALUATION = ["e8bddbc12b639bdd", "ed60326d81e3bd36"];

function digest(batches: Iterable<Batch>): string {
  const hash = createHash("sha256");
  for (const { input, target, mask, resets, tokens, steps, batchSize, continues } of batches) {
    hash.update(input).update(target).update(mask).update(resets);
    hash.update(JSON.stringify([tokens, steps, batchSize, continues]));
  }
  return hash.digest("hex").slice(0, 16);
}

Deno.test("trainingBatches() makes the batches that it has always made", async () => {
  const { train } = await loadWhole({ data: DATA });
  for (const [given, ...epochs] of GOLDEN) {
    const options = { ...SETTINGS, ...given };
    const found = [1, 2].map((epoch) => digest(batchesOf(train, options, epoch)));
    assertEquals(found, epochs, JSON.stringify(given));
  }
});

Deno.test("evaluationBatches() makes the batches that it has always made", async () => {
  const { valid, test } = await loadWhole({ data: DATA });
  const small = { tokenBudget: 40, batchSize: 8 };
  assertEquals(
    [digest(evaluationBatches(valid)), digest(evaluationBatches(test, small))],
    EVALUATION,
  );
});
