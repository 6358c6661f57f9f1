/** Training speed of the word language model. */

import type { Given } from "../example/options/option.ts";
import type { Gpu } from "../mod.ts";
import type { Table } from "./table.ts";
import { secondsOf, secondsOnGpu, secondsToRecord } from "./timing.ts";
import { Workload } from "./workload.ts";

/** Options of main.ts, otherwise at their defaults. */
const CASES: readonly Given[] = [
  { loss: "nce" },
  { loss: "sampled" },
  { loss: "mix" },
  { loss: "neg" },
  { loss: "full" },
  { "loss": "nce", "per-word": true },
  { loss: "nce", noise: "batch" },
  { "loss": "nce", "index-module": "gru" },
];

/** Tokens per second for each loss. */
export async function stepTable(gpu: Gpu, seconds: number): Promise<Table> {
  const rows = [];
  for (const given of CASES) {
    using workload = new Workload(gpu, { vocabSize: 10_001, rows: 11, given });
    const step = () => workload.step(), time = await secondsOf(gpu, step, seconds);
    const onGpu = await secondsOnGpu(gpu, step, seconds / 6);
    rows.push({
      "options": Object.entries(given).map(([name, value]) => `--${name} ${value}`).join(" "),
      "ms a step": 1000 * time,
      ...(onGpu !== undefined && { "ms on the GPU": 1000 * onGpu }),
      "ms to record": 1000 * await secondsToRecord(gpu, step, seconds / 6),
      "tokens/s": workload.tokens / time,
      "loss": await workload.loss(),
    });
  }
  const notes = [
    "ms on the GPU: a step's launches back to back, without copies; where the adapter has time stamps. ms to " +
    "record: until the CPU has recorded and submitted a step, while the GPU has nothing to do. Both go on at a " +
    "time, so the larger is the limit, and ms a step is near it; where it is far more than either, they wait for " +
    "each other. On a software adapter the CPU does both, one after the other.",
  ];
  return { title: "The language model, V = 10,001, 11 rows of 35 words", rows, notes };
}
