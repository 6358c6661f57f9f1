/** How products for GPUs are cut: tiles in workgroup memory, and long sums in chunks. */

import type { Tuning } from "../device/tuning.ts";
import tileSource from "./_workgroup_tile.wgsl" with { type: "text" };
import type { Sizes } from "./operands.ts";

/** A workgroup's tile. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** WGSL of its product, which kernels begin with. */
  readonly source: string;
}

/** How products are cut. */
export interface Plan {
  readonly tile: Tile;
  /** Steps of k in each chunk. */
  readonly depth: number;
}

const [TALL, SQUARE, SMALL] = [[128, 64, 2], [64, 64, 2], [32, 32, 1]].map(
  ([rows, columns, halves]): Tile => {
    const sizes = `const ROWS = ${rows};\nconst COLUMNS = ${columns};\nconst HALVES = ${halves};\n`;
    return { rows: rows!, columns: columns!, source: sizes + tileSource };
  },
) as [Tile, Tile, Tile];

/** The tiles for which _workgroup_tile.wgsl is written. */
export const TILES: readonly Tile[] = [TALL, SQUARE, SMALL];

/** Steps of k in a chunk of products with more chunks: as workgroups end at different times, these keep a GPU busy. */
const MIN_LONG_DEPTH = 256;

/**
 * Steps of k up to which small tiles serve a small result, as they do little for each slab that they wait for; twice as
 * many, if a GPU is busy with them: chunks would take another launch.
 */
const MAX_SMALL_DEPTH = 256;

/** Tiles of the results of some products. */
export function tilesIn({ rows, columns }: Tile, products: readonly Sizes[]): number {
  return products.reduce((sum, { m, n }) => sum + Math.ceil(m / rows) * Math.ceil(n / columns), 0);
}

/** How to cut products, all of the same k, that are computed in one launch. */
export function planOf(products: readonly Sizes[], tuning: Tuning): Plan {
  const { k } = products[0]!, tiles = tilesIn(SQUARE, products);
  const longest = tiles > tuning.busy / 4 ? 2 * MAX_SMALL_DEPTH : MAX_SMALL_DEPTH;
  if (k <= longest && tiles <= tuning.busy / 2) return { tile: SMALL, depth: k };
  const tall = products.every(({ m, k }) => Math.min(m, k) >= tuning.tallFrom);
  const tile = tall ? TALL : SQUARE;
  return { tile, depth: splitDepth(tilesIn(tile, products), k, tuning) };
}

/** Steps of k in each chunk; all of them if the tiles alone occupy the GPU. */
function splitDepth(tiles: number, k: number, { busy, minDepth, longBusy }: Tuning): number {
  const chunksFor = (workgroups: number, depth: number) =>
    Math.floor(Math.min(workgroups / tiles, k / depth));
  const chunks = Math.max(chunksFor(busy, minDepth), chunksFor(longBusy, MIN_LONG_DEPTH));
  return chunks < 2 ? k : Math.ceil(k / chunks / 16) * 16; // whole slabs
}
