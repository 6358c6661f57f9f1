/** What IndexGRU saves by splitting the noise word's step into a per-word and a per-context part. */

import { matmulInto } from "../kernels/matmul/matmul.ts";
import type { Gpu } from "../mod.ts";
import type { Table } from "./table.ts";
import { secondsOf } from "./timing.ts";
import { Workload } from "./workload.ts";

/**
 * Milliseconds of a whole IndexGRU training step, and of the state products alone if every (token, word)
 * pair took its own GRU step, forward and backward: the extra cost of the expanded form.
 */
export async function pairTable(gpu: Gpu, seconds: number): Promise<Table> {
  const given = { "loss": "nce", "index-module": "gru" };
  using workload = new Workload(gpu, { vocabSize: 10_001, rows: 11, given });
  const whole = await secondsOf(gpu, () => workload.step(), seconds);
  const { nhid: H, noiseRatio: k } = workload.settings, N = workload.tokens, pairs = N * (k + 1);
  using state = gpu.tensor([pairs, H]), dState = gpu.tensor([pairs, H]);
  using gates = gpu.tensor([pairs, 3 * H]);
  using weight = gpu.tensor([3 * H, H]), dWeight = gpu.tensor([3 * H, H]);
  const products = await secondsOf(gpu, () => {
    matmulInto(gpu, gates, state, weight, { transposeB: true });
    matmulInto(gpu, dState, gates, weight);
    matmulInto(gpu, dWeight, gates, state, { transposeA: true });
  }, seconds);
  return {
    title: `IndexGRU, N = ${N}, k = ${k}, H = ${H}`,
    rows: [{
      "whole step, ms": 1000 * whole,
      "products of all pairs alone, ms": 1000 * products,
      "ratio": products / whole,
    }],
  };
}
