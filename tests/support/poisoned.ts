/** Tensors beside which nothing may be read or stored. */

import type { Gpu, Tensor } from "../../mod.ts";

/** A tensor of `data`, and the larger one that it is the beginning of, which is NaN elsewhere. */
export function poisoned(gpu: Gpu, shape: readonly number[], data: Float32Array): [Tensor, Tensor] {
  const whole = gpu.temporary([Math.ceil(data.length / 64) * 64 + 64]);
  gpu.write(whole, new Float32Array(whole.size).fill(NaN));
  using used = whole.slice(0, data.length);
  gpu.write(used, data);
  return [used.reshape(shape), whole];
}
