/** The matrix product for GPUs, from workgroup memory. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import type { Tuning } from "../device/tuning.ts";
import operands from "./_operands.wgsl" with { type: "text" };
import tileSource from "./matmul_workgroup.wgsl" with { type: "text" };
import { product, type ProductOptions, type Sizes, sourceFor } from "./operands.ts";
import { withWeight } from "./weight.ts";

/** A workgroup's tile. */
interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly sources: ReturnType<typeof withWeight>;
}

/** How a product is cut. */
export interface Plan {
  readonly tile: Tile;
  /** Steps of k in each part. */
  readonly depth: number;
}

const [TALL, SQUARE] = [[128, 64], [64, 64]].map(([rows, columns]): Tile => {
  const sizes = `const ROWS = ${rows};\nconst COLUMNS = ${columns};\n`;
  const sources = withWeight(sizes + operands + tileSource);
  return { rows: rows!, columns: columns!, sources };
}) as [Tile, Tile];

/** The tiles for which matmul_workgroup.wgsl is written. */
export const TILES: readonly Tile[] = [TALL, SQUARE];

/** Steps of k that a part of a split product has at least, so that adding the parts up stays small. */
const MIN_DEPTH = 64;
/** The same of products with more parts: as workgroups end at different times, these keep a GPU busy. */
const MIN_LONG_DEPTH = 256;

/** Small results from long sums are split along k to occupy the GPU, and added up in order. */
export function multiplyFromWorkgroup(
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  options: ProductOptions,
  { tile, depth }: Plan = planOf(sizes, gpu.tuning),
): void {
  const { m, n, k } = sizes, source = sourceFor(tile.sources, b), parts = Math.ceil(k / depth);
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

function planOf(sizes: Sizes, tuning: Tuning): Plan {
  const tile = Math.min(sizes.m, sizes.k) >= tuning.tallFrom ? TALL : SQUARE;
  return { tile, depth: splitDepth(tilesIn(tile, sizes), sizes.k, tuning) };
}

/** Steps of k in each part; all of them if the tiles alone occupy the GPU. */
function splitDepth(tiles: number, k: number, { busy, longBusy }: Tuning): number {
  const partsOf = (workgroups: number, minDepth: number) =>
    Math.floor(Math.min(workgroups / tiles, k / minDepth));
  const parts = Math.max(partsOf(busy, MIN_DEPTH), partsOf(longBusy, MIN_LONG_DEPTH));
  return parts < 2 ? k : Math.ceil(k / parts / 16) * 16; // whole slabs
}
