/** The matrix product for GPUs, from workgroup memory. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import operands from "./_operands.wgsl" with { type: "text" };
import tiles from "./matmul_workgroup.wgsl" with { type: "text" };
import { product, type ProductOptions, type Sizes } from "./operands.ts";

const source = operands + tiles;

/** Rows and columns of a workgroup's tile, as in matmul_workgroup.wgsl. */
const TILE = 64;
/** Workgroups that a large GPU runs at a time: 132 multiprocessors, six on each. */
const BUSY = 768;
/** Steps of k that a part of a split product has at least, so that adding the parts up stays small. */
const MIN_DEPTH = 64;

/** Small results from long sums are split along k to occupy the GPU, and added up in order. */
export function multiplyFromWorkgroup(
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  options: ProductOptions,
): void {
  const { m, n, k } = sizes;
  const tiles = Math.ceil(m / TILE) * Math.ceil(n / TILE);
  const depth = splitDepth(tiles, k);
  const parts = Math.ceil(k / depth);
  const multiply = (target: Tensor, how: ProductOptions) => {
    const launch = product(target, a, b, sizes, how);
    gpu.dispatch({ ...launch, source, uniform: { ...launch.uniform, depth }, grid: tiles * parts });
  };
  if (parts === 1) return multiply(c, options);
  const { bias, accumulate = false, ...transposes } = options;
  using partials = gpu.temporary([parts, m, n]);
  multiply(partials, transposes);
  const { uniform } = product(c, a, b, sizes, options);
  gpu.dispatch({
    label: "matmul",
    source,
    entry: "combine",
    constants: { ACCUMULATE: accumulate ? 1 : 0 },
    inputs: [partials, bias ?? partials],
    outputs: [c],
    uniform: { ...uniform, k: parts },
    grid: Math.ceil(m * n / 64),
  });
}

/** Steps of k in each part; all of them if the tiles alone occupy half of the GPU. */
function splitDepth(tiles: number, k: number): number {
  const parts = Math.min(Math.floor(BUSY / tiles), Math.floor(k / MIN_DEPTH));
  return parts < 2 ? k : Math.ceil(k / parts / 16) * 16; // whole slabs
}
