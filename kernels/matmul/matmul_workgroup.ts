/** The matrix product for GPUs, from workgroup memory. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
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

/** Rows of C, and steps of k, from which tall tiles are faster. */
const TALL_FROM = 2048;
/** Workgroups that a large GPU runs at a time: 132 multiprocessors, six on each. */
const BUSY = 768;
/** Steps of k that a part of a split product has at least, so that adding the parts up stays small. */
const MIN_DEPTH = 64;
/** Long sums are cut into more parts, as workgroups that end at different times keep a GPU busy to the end. */
const LONG = { busy: 4096, minDepth: 256 };

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

function planOf(sizes: Sizes): Plan {
  const tile = Math.min(sizes.m, sizes.k) >= TALL_FROM ? TALL : SQUARE;
  return { tile, depth: splitDepth(tilesIn(tile, sizes), sizes.k) };
}

/** Steps of k in each part; all of them if the tiles alone occupy the GPU. */
function splitDepth(tiles: number, k: number): number {
  const partsOf = (busy: number, minDepth: number) =>
    Math.floor(Math.min(busy / tiles, k / minDepth));
  const parts = Math.max(partsOf(BUSY, MIN_DEPTH), partsOf(LONG.busy, LONG.minDepth));
  return parts < 2 ? k : Math.ceil(k / parts / 16) * 16; // whole slabs
}
