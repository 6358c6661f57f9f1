/** A table [V, W] of which rows wait for their updates, and its training. */

import { gather, weightedSum } from "../../kernels/ops.ts";
import type { Gpu, Step, Tensor } from "../../mod.ts";
import type { SGD, SGDOptions } from "../../nce/nn/mod.ts";
import { randomIds, values } from "../reference/data.ts";

/** Rows and width of the table, and how many rows a step moves. */
export const [V, W, N] = [300, 4, 9];
/** Without a gradient rows move a good deal, so that one that is not caught up is far off. */
export const OPTIONS: SGDOptions = { lr: 0.5, momentum: 0.9, weightDecay: 0.1 };

/** Ids of N rows. */
export const ids = (step: Step, below: number) => step.upload(randomIds(N, below, 77));
/** The gradient [N, W] of those rows. */
export const weights = (step: Step, W: number) => step.upload(values(N * W, 5), [N, W]);
/** Biases [n]. */
export const zeros = (step: Step, n: number) => step.upload(new Float32Array(n));

/** One step that moves some rows of `table`. */
export function train(gpu: Gpu, table: Tensor, optimizer: SGD, number: number): void {
  using step = gpu.step({ training: true });
  const [V, W] = table.shape, rows = gather(step, table, step.upload(randomIds(N, V!, number)));
  optimizer.step(step.backward(weightedSum(step, rows, weights(step, W!))));
}

/** The gradient [rows, W] of the step that {@linkcode train} takes. */
export function gradientOf(rows: number, number: number, W: number): Float64Array {
  const gradient = new Float64Array(rows * W), d = values(N * W, 5);
  for (const [n, id] of randomIds(N, rows, number).entries()) {
    for (let e = 0; e < W; e++) gradient[id * W + e]! += d[n * W + e]!;
  }
  return gradient;
}
