/** The matrix product for software adapters without usable subgroups, from registers alone. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import tiles from "./matmul_register.wgsl" with { type: "text" };
import {
  inChunks,
  productLaunch,
  type ProductOptions,
  productSource,
  type Sizes,
} from "./operands.ts";

const sourceOf = productSource(tiles);

/** What a CPU core's cache holds of the operand that is read again for every tile. */
const CACHED_FLOATS = 2 ** 17;
/** Steps of k below which loading and storing the result again would cost more than the cache gains. */
const MIN_DEPTH = 256;

/** Sums are cut so that what is read again and again stays in a core's cache. */
export function multiplyFromRegisters(
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  options: ProductOptions,
): void {
  const cached = Math.floor(CACHED_FLOATS / Math.min(sizes.m, sizes.n));
  inChunks(sizes.k, Math.max(MIN_DEPTH, cached), options, (range, how) => {
    const launch = productLaunch(c, a, b, sizes, how);
    gpu.dispatch({
      ...launch,
      source: sourceOf(sizes.n, b),
      uniform: { ...launch.uniform, ...range },
      grid: Math.ceil(sizes.m / 8) * Math.ceil(sizes.n / 64),
    });
  });
}
