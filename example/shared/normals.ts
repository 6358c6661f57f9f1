/** Normal random numbers. */

import type { Philox } from "../../kernels/random/mod.ts";

/** `n` standard normal numbers, by Box and Muller. */
export function normals(n: number, random: Philox): Float64Array {
  return Float64Array.from({ length: n }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
    return radius * Math.cos(2 * Math.PI * random.uniform());
  });
}
