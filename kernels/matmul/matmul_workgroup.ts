/** The matrix product for GPUs, from workgroup memory. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import operands from "./_operands.wgsl" with { type: "text" };
import tileSource from "./matmul_workgroup.wgsl" with { type: "text" };
import { product, type ProductOptions, type Sizes } from "./operands.ts";

/** A workgroup's tile. */
interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** A product is cut into such tiles if there are this many. */
  readonly from: number;
  readonly source: string;
}

/** How a product is cut. */
export interface Plan {
  readonly tile: Tile;
  /** Steps of k in each part. */
  readonly depth: number;
}

/** The tiles for which matmul_workgroup.wgsl is written; a product takes the first that it has enough of. */
export const TILES: readonly Tile[] = [
  { rows: 128, columns: 128, from: Infinity },
  { rows: 128, columns: 64, from: Infinity },
  { rows: 64, columns: 128, from: Infinity },
  { rows: 64, columns: 64, from: 0 },
].map((tile) => {
  const sizes = `const ROWS = ${tile.rows};\nconst COLUMNS = ${tile.columns};\n`;
  return { ...tile, source: sizes + operands + tileSource };
});

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
  { tile, depth }: Plan = planOf(sizes),
): void {
  const { m, n, k } = sizes, { source } = tile, parts = Math.ceil(k / depth);
  const multiply = (target: Tensor, how: ProductOptions) => {
    const launch = product(target, a, b, sizes, how);
    const grid = tilesIn(tile, sizes) * parts;
    gpu.dispatch({ ...launch, source, uniform: { ...launch.uniform, depth }, grid });
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

function tilesIn({ rows, columns }: Tile, { m, n }: Sizes): number {
  return Math.ceil(m / rows) * Math.ceil(n / columns);
}

function planOf(sizes: Sizes): Plan {
  const tile = TILES.find((tile) => tilesIn(tile, sizes) >= tile.from)!;
  return { tile, depth: splitDepth(tilesIn(tile, sizes), sizes.k) };
}

/** Steps of k in each part; all of them if the tiles alone occupy half of the GPU. */
function splitDepth(tiles: number, k: number): number {
  const parts = Math.min(Math.floor(BUSY / tiles), Math.floor(k / MIN_DEPTH));
  return parts < 2 ? k : Math.ceil(k / parts / 16) * 16; // whole slabs
}
