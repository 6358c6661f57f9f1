// Numbers of tokens: each in its place in the text, however often the GPU's buffer is read.

import { assertEquals } from "@std/assert";
import type { Batch } from "../../../example/data/row_batch.ts";
import { CollectedNumbers } from "../../../example/evaluation/collected.ts";
import { withGpu } from "../../support/gpu.ts";

/** A batch of so many cells, of which every third is padding. */
function batchOf(cells: number): Batch {
  const mask = Float32Array.from({ length: cells }, (_, cell) => cell % 3 === 2 ? 0 : 1);
  const tokens = mask.reduce((sum, real) => sum + real, 0);
  return { steps: cells, batchSize: 1, tokens, mask } as Batch;
}

Deno.test("CollectedNumbers puts the numbers of each batch in their place, and zeros for batches of others", () =>
  withGpu(async (gpu) => {
    const batches = [5, 200_000, 7, 100_000].map(batchOf); // more than are read at a time
    const numberOf = (k: number, i: number, cell: number) => 2 ** 20 * k + 1000 * i + cell % 997;
    using collected = new CollectedNumbers(gpu, batches, 2);
    for (const i of [0, 1, 3]) {
      const numbers = [0, 1].map((k) => {
        const { steps } = batches[i]!;
        return gpu.tensor(
          [steps],
          Float32Array.from({ length: steps }, (_, c) => numberOf(k, i, c)),
        );
      });
      await collected.push(i, ...numbers);
      for (const tensor of numbers) tensor.dispose();
    }
    const found = await collected.take();
    for (const [k, numbers] of found.entries()) {
      const expected = batches.flatMap(({ mask }, i) =>
        Array.from(mask, (real, cell) => real === 0 ? [] : [i === 2 ? 0 : numberOf(k, i, cell)])
          .flat()
      );
      assertEquals(numbers, Float32Array.from(expected));
    }
  }));
