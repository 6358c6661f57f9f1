/** Kernels of the optimizer: global gradient norm, dense and tiled updates. Sparse ones: lazy_rows.ts. */

import type { SummedGradient } from "../autograd/gradients.ts";
import type { Device } from "../device/device.ts";
import { forEachSlice } from "../device/parts.ts";
import { partialCount, partialSums } from "../elementwise/reduce.ts";
import source from "./sgd.wgsl" with { type: "text" };
import type { Tensor } from "../device/tensor.ts";
import type { TiledGradient } from "../autograd/tiled_gradient.ts";

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
  gpu: Device,
  out: Tensor,
  gradients: readonly SummedGradient[],
  clip: number,
): void {
  // Sums of a * b, or of a alone.
  const factors = gradients.map((gradient): [Tensor, Tensor?] => {
    if (gradient.kind === "tiled") return [gradient.sumOfSquares];
    const values = gradient.kind === "dense" ? gradient : gradient.values;
    return [values, values];
  });
  const n = factors.reduce((count, [a]) => count + partialCount(a), 0);
  using partials = gpu.temporary([n]);
  let offset = 0;
  for (const [a, b] of factors) {
    partialSums(gpu, partials, offset, a, b);
    offset += partialCount(a);
  }
  gpu.dispatch({
    label: "clip",
    source,
    entry: "norm",
    inputs: [partials],
    outputs: [out],
    // WGSL has no infinity; a number near the largest float does not clip either.
    uniform: { n, lr: 0, momentum: 0, weight_decay: 0, clip: Math.min(clip, 3.4e38) },
    grid: 1,
  });
}

/** Updates `parameter` and its `moment` in place; the gradient is multiplied by `norm[1]`. */
export function sgdUpdate(
  gpu: Device,
  parameter: Tensor,
  moment: Tensor,
  gradient: Tensor,
  norm: Tensor,
  { lr, momentum, weightDecay }: SGDCoefficients,
): void {
  forEachSlice([parameter, moment, gradient], ([rows, moments, dRows]) => {
    const n = Math.ceil(rows.size / 4);
    gpu.dispatch({
      label: "sgd",
      source,
      entry: "dense",
      inputs: [norm, dRows],
      outputs: [rows, moments],
      uniform: { n, lr, momentum, weight_decay: weightDecay, clip: 0 },
      grid: Math.ceil(n / 64),
    });
  });
}

/** The same, tile by tile of the rows. */
export function sgdUpdateTiled(
  gpu: Device,
  parameter: Tensor,
  moment: Tensor,
  gradient: TiledGradient,
  norm: Tensor,
  coefficients: SGDCoefficients,
): void {
  gradient.forEach((first, dRows) => {
    const count = dRows.shape[0]!;
    using rows = parameter.slice(first, count);
    using moments = moment.slice(first, count);
    sgdUpdate(gpu, rows, moments, dRows, norm, coefficients);
  });
}
