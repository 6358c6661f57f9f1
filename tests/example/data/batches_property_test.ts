// Batches of any text: every token once, and other targets to be told from where noise is the batch.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { trainingBatches } from "../../../example/data/batches.ts";
import type { BatchDimensions } from "../../../example/data/row_batch.ts";
import { SentencesBuilder } from "../../../example/data/sentences.ts";
import { predictions } from "../../support/predictions.ts";
import { check } from "../../support/property.ts";
import { anyTraining, batchesOf } from "../../support/texts.ts";

Deno.test("trainingBatches() predicts every token once, and none alone if noise is the batch", () => {
  const size = fc.integer({ min: 1, max: 9 });
  const lengths = fc.array(fc.nat(20), { minLength: 1, maxLength: 12 })
    .filter((lengths) => lengths.some((length) => length > 0));
  check(fc.property(lengths, anyTraining, size, (lengths, options, epoch) => {
    const builder = new SentencesBuilder();
    let word = 3;
    for (const length of lengths) builder.add(Array.from({ length }, () => word++));
    const text = builder.build(), { ids } = text;
    const batches = batchesOf(text, options, epoch);
    const wanted = Array.from(ids.subarray(1), (id, i) => `${ids[i]} ${id}`);
    assertEquals(batches.flatMap(predictions).sort(), wanted.sort());
    const places = ({ steps, batchSize }: BatchDimensions) => steps * batchSize;
    const largest = trainingBatches(text, options, epoch).largest();
    assertEquals(places(largest), Math.max(...batches.map(places)));
    const fromBatch = options.noise !== "unigram", { batchSize, bptt } = options;
    for (const batch of batches) {
      assert(batch.steps <= bptt || fromBatch);
      assertEquals(batch.tokens, predictions(batch).length);
      assert(batch.target.every((id, i) => batch.mask[i] === 1 || ids.includes(id) || id === 0));
      if (!fromBatch) continue;
      assert(batch.target.every((id) => id !== 0), "a place without a word of the text");
      const others = options.carryState ? batch.tokens : places(batch);
      assert(others > 1 || batchSize * bptt === 1, "a target is alone");
    }
  }));
});
