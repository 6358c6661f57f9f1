/** Launches of the optimizer: global gradient norm, dense and row-sparse updates. */

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
    uniform: { n, width: 0, lr: 0, momentum: 0, weight_decay: 0, clip: Math.min(clip, 3.4e38) },
    grid: 1,
  });
}

/** Updates `parameter` and its `moment` in place; the gradient is multiplied by `norm[1]`. */
export function sgdUpdate(
  gpu: Gpu,
  parameter: Tensor,
  moment: Tensor,
  gradient: Gradient,
  norm: Tensor,
  { lr, momentum, weightDecay }: SGDCoefficients,
): void {
  const uniform = { lr, momentum, weight_decay: weightDecay, clip: 0 };
  const n4 = Math.ceil(parameter.size / 4);
  const dense = gradient.kind === "dense" ? gradient.value : undefined;
  gpu.dispatch({
    label: "sgd",
    source,
    entry: "dense",
    constants: { HAS_GRADIENT: dense ? 1 : 0 },
    inputs: [norm, dense ?? norm],
    outputs: [parameter, moment],
    uniform: { n: n4, width: 0, ...uniform },
    grid: Math.ceil(n4 / 64),
  });
  if (gradient.kind !== "rows") return;
  const { ids, values } = gradient.value;
  gpu.dispatch({
    label: "sgd.rows",
    source,
    entry: "rows",
    inputs: [norm, ids, values],
    outputs: [parameter, moment],
    uniform: { n: ids.size, width: values.size / ids.size, ...uniform },
    grid: Math.ceil(values.size / 64),
  });
}
