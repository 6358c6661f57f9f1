/** Launches of the optimizer: global gradient norm, dense updates; lazy.ts has the row-sparse ones. */

import type { Gradient } from "./gradients.ts";
import type { Gpu } from "./gpu.ts";
import { partialCount, partialSums } from "./reduce.ts";
import source from "./sgd.wgsl" with { type: "text" };
import type { Tensor } from "./tensor.ts";

/** Coefficients of an update. */
export interface SGDCoefficients {
  /** Learning rate. */
  readonly lr: number;
  /** Momentum. */
  readonly momentum: number;
  /** Weight decay (an L2 penalty added to the gradient). */
  readonly weightDecay: number;
}

/**
 * Writes the global norm of `gradients` and the factor `min(1, clip / (norm + 1e-6))` to `out` [2].
 * `clip` may be Infinity.
 */
export function clipScale(
  gpu: Gpu,
  out: Tensor,
  gradients: readonly Gradient[],
  clip: number,
): void {
  const values = gradients.map((g) => g.kind === "dense" ? g.value : g.value.values);
  const n = values.reduce((count, value) => count + partialCount(value.size), 0);
  using partials = gpu.temporary([n]);
  let offset = 0;
  for (const value of values) {
    partialSums(gpu, partials, offset, value, value);
    offset += partialCount(value.size);
  }
  gpu.dispatch({
    label: "clip",
    source,
    entry: "norm",
    inputs: [partials],
    outputs: [out],
    // Infinity is no WGSL number: the largest float clips nothing either.
    uniform: { n, lr: 0, momentum: 0, weight_decay: 0, clip: Math.min(clip, 3.4e38) },
    grid: 1,
  });
}

/** Updates `parameter` and its `moment` in place; the gradient is multiplied by `norm[1]`. */
export function sgdUpdate(
  gpu: Gpu,
  parameter: Tensor,
  moment: Tensor,
  gradient: Tensor,
  norm: Tensor,
  { lr, momentum, weightDecay }: SGDCoefficients,
): void {
  const n = Math.ceil(parameter.size / 4);
  gpu.dispatch({
    label: "sgd",
    source,
    entry: "dense",
    inputs: [norm, gradient],
    outputs: [parameter, moment],
    uniform: { n, lr, momentum, weight_decay: weightDecay, clip: 0 },
    grid: Math.ceil(n / 64),
  });
}
