/** The matrix product for GPUs, from workgroup memory. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import kernel from "./matmul_workgroup.wgsl" with { type: "text" };
import { productLaunch, type ProductOptions, productSource, type Sizes } from "./operands.ts";
import { type Plan, planOf, TILES, tilesIn } from "./workgroup_tile.ts";

const sources = new Map(TILES.map((tile) => [tile, productSource(tile.source + kernel)]));

/** Small results from long sums are split along k to occupy the GPU, and added up in order. */
export function multiplyFromWorkgroup(
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  options: ProductOptions,
  { tile, depth }: Plan = planOf([sizes], gpu.tuning),
): void {
  const { m, n, k } = sizes, chunks = Math.ceil(k / depth);
  const source = sources.get(tile)!(n, b);
  const multiply = (target: Tensor, how: ProductOptions) => {
    const launch = productLaunch(target, a, b, sizes, how);
    gpu.dispatch({
      ...launch,
      source,
      constants: { ...launch.constants, SHIFTED: 1 },
      uniform: { ...launch.uniform, depth },
      grid: tilesIn(tile, [sizes]) * chunks,
    });
  };
  if (chunks === 1) return multiply(c, options);
  const { bias, accumulate = false, ...operands } = options;
  using partials = gpu.temporary([chunks, m, n]);
  multiply(partials, operands);
  const { uniform } = productLaunch(c, a, b, sizes, options);
  gpu.dispatch({
    label: "matmul",
    source,
    entry: "combine",
    constants: { ACCUMULATE: accumulate ? 1 : 0 },
    inputs: [partials, bias ?? partials],
    outputs: [c],
    uniform: { ...uniform, k: chunks },
    grid: Math.ceil(m * n / (n % 4 === 0 ? 4 : 1) / 64),
  });
}
