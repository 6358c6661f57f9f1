/** The global norm of gradients, and the factor that clips it. */

import type { SummedGradient } from "../autograd/gradients.ts";
import type { Device } from "../device/device.ts";
import { partialCount, partialSums } from "../elementwise/reduce.ts";
import source from "./clip.wgsl" with { type: "text" };
import type { Tensor } from "../device/tensor.ts";

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
    if (gradient.kind === "dense") return [gradient, gradient];
    if (gradient.kind === "tiled") return [gradient.sumOfSquares];
    const { sumOfSquares, values } = gradient;
    return sumOfSquares ? [sumOfSquares] : [values, values];
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
    inputs: [partials],
    outputs: [out],
    // WGSL has no infinity; a number near the largest float does not clip either.
    uniform: { n, clip: Math.min(clip, 3.4e38) },
    grid: 1,
  });
}
