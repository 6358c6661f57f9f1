/** Time to find the best classes, compared with scoring all of them. */

import { tilesOf } from "../kernels/loss/class_tiles.ts";
import { linearScorer, topK } from "../kernels/ops.ts";
import type { Gpu } from "../mod.ts";
import { parameter } from "../nce/nn/mod.ts";
import type { Table } from "./table.ts";
import { secondsOf } from "./timing.ts";

/** Number of rows, and their width. */
const N = 385, E = 32;

/** Milliseconds for scoring all classes, and for `topK`, which includes the scoring. */
export async function topKTable(gpu: Gpu, seconds: number): Promise<Table> {
  const rows = [];
  for (const V of [10_001, 1_000_000]) {
    using x = parameter(gpu, "x", [N, E], { range: 1, seed: 1 });
    using weight = parameter(gpu, "weight", [V, E], { range: 1, seed: 1 });
    using bias = parameter(gpu, "bias", [V], { range: 1, seed: 1 });
    const alone = await secondsOf(gpu, () => {
      using step = gpu.step();
      const scorer = linearScorer(step, x, weight, bias);
      for (const { first, count } of tilesOf(gpu, "scores", scorer, V)) {
        scorer.scores(first, count).dispose();
      }
    }, seconds);
    for (const k of [10, 100]) {
      const both = await secondsOf(gpu, () => {
        using step = gpu.step();
        topK(step, linearScorer(step, x, weight, bias), k);
      }, seconds);
      rows.push({ V, k, "scores alone, ms": 1000 * alone, "topK, ms": 1000 * both });
    }
  }
  return { title: `topK of a linear scorer, N = ${N}, E = ${E}`, rows };
}
