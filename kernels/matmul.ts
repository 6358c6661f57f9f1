/** Matrix products: picks the kernel for the adapter and the shapes, and launches it. */

import type { Gpu } from "./gpu.ts";
import type { Launch } from "./launch.ts";
import shared from "./matmul.wgsl" with { type: "text" };
import broadcastTiles from "./matmul_broadcast.wgsl" with { type: "text" };
import directTiles from "./matmul_direct.wgsl" with { type: "text" };
import workgroupTiles from "./matmul_tiled.wgsl" with { type: "text" };
import { expectShape, type Tensor } from "./tensor.ts";

const broadcastSource = shared + broadcastTiles;
const directSource = shared + directTiles;
const tiledSource = shared + workgroupTiles;

/** The kernels: for software adapters with and without subgroups, and for GPUs. */
export type MatmulKernel = "broadcast" | "direct" | "tiled";

/** How {@linkcode matmulInto} multiplies. */
export interface MatmulIntoOptions {
  /** `a` is [k, m] and its transpose is used. */
  transposeA?: boolean;
  /** `b` is [n, k] and its transpose is used. */
  transposeB?: boolean;
  /** The row of `a` at which to begin, 0 unless given; it may go on after the last row that is used. */
  row?: number;
  /** [n]; added to every row. */
  bias?: Tensor;
  /** Add to what `c` holds instead of replacing it. */
  accumulate?: boolean;
  /** Overrides the choice of kernel by adapter, for tests and benchmarks. */
  kernel?: MatmulKernel;
}

/** Workgroups that keep a large GPU busy. */
const BUSY = 512;
/** From this many 128 x 128 tiles on they are used; below, 64 x 64 spreads the work better. */
const LARGE_TILES = 256;
/** Steps of k that a part of a split product has at least, so that adding the parts up stays small. */
const LEAST_DEPTH = 64;

/** The subgroup size that the broadcast kernel is written for. */
export const BROADCAST_LANES = 8;
/** Multiplications from which on tiles of 64 x 64 gain more than their kernel takes to compile. */
const LARGE_PRODUCT = 2 ** 28;

/** What a CPU core's cache holds of the operand that is read again for every tile. */
const CACHED_FLOATS = 2 ** 17;
/** Steps of k below which loading and storing the result again would cost more than the cache gains. */
const LEAST_CPU_DEPTH = 256;

/** Sizes of one product. */
interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** The first row of a. */
  readonly row: number;
}

/**
 * `c = op(a) op(b) + bias`, or `c += ...`, for row-major float matrices of any sizes.
 *
 * The order of summation depends on the sizes and the kernel alone, so equal calls give equal bits.
 *
 * @throws {TypeError} If the shapes do not fit.
 */
export function matmulInto(
  gpu: Gpu,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  options: MatmulIntoOptions = {},
): void {
  const sizes = checkShapes(c, a, b, options);
  const kernel = options.kernel ?? chooseKernel(gpu);
  if (kernel === "tiled") tiled(gpu, c, a, b, sizes, options);
  else onSoftware(gpu, kernel, c, a, b, sizes, options);
}

function chooseKernel(gpu: Gpu): MatmulKernel {
  if (gpu.family === "tiled") return "tiled";
  return gpu.subgroupSize === BROADCAST_LANES ? "broadcast" : "direct";
}

function checkShapes(c: Tensor, a: Tensor, b: Tensor, options: MatmulIntoOptions): Sizes {
  const { transposeA = false, transposeB = false, bias, row } = options;
  const [rows, k] = transposeA ? [a.shape[1], a.shape[0]] : a.shape;
  const m = row === undefined ? rows : c.shape[0];
  const [inner, n] = transposeB ? [b.shape[1], b.shape[0]] : b.shape;
  const fits = a.shape.length === 2 && b.shape.length === 2 && k === inner &&
    a.dtype === "f32" && b.dtype === "f32";
  const within = row === undefined || (!transposeA && row >= 0 && row + m! <= rows!);
  if (!fits || !within || m === undefined || n === undefined || k === undefined) {
    const name = (t: Tensor, transposed: boolean) =>
      `${t.dtype} [${t.shape}]${transposed ? " transposed" : ""}`;
    throw new TypeError(
      `Cannot multiply ${name(a, transposeA)} by ${name(b, transposeB)}: ` +
        "both must be float matrices, and their inner sizes equal" +
        (within ? "" : `; and rows from ${row} on must be there`),
    );
  }
  expectShape("matmul", "the result", c, [m, n]);
  if (bias) expectShape("matmul", "bias", bias, [n]);
  return { m, n, k, row: row ?? 0 };
}

/** What the kernels have in common. An absent bias is bound all the same: any tensor will do. */
function product(
  c: Tensor,
  a: Tensor,
  b: Tensor,
  { m, n, k }: Sizes,
  { transposeA = false, transposeB = false, bias, accumulate = false }: MatmulIntoOptions,
) {
  const aligned = (size: number) => size % 4 === 0 ? 1 : 0;
  return {
    label: "matmul",
    entry: n % 4 === 0 ? "vectors" : "scalars",
    constants: {
      TRANSPOSE_A: transposeA ? 1 : 0,
      TRANSPOSE_B: transposeB ? 1 : 0,
      VECTOR_A: aligned(transposeA ? m : k),
      VECTOR_B: aligned(transposeB ? k : n),
      ACCUMULATE: accumulate ? 1 : 0,
    },
    inputs: [a, a, b, b, bias ?? b],
    outputs: [c],
  } satisfies Partial<Launch>;
}

/** On a CPU, long sums are cut so that what is read again and again stays in a core's cache. */
function onSoftware(
  gpu: Gpu,
  kernel: "broadcast" | "direct",
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  { bias, accumulate = false, ...transposes }: MatmulIntoOptions,
): void {
  const { m, n, k, row } = sizes;
  const broadcast = kernel === "broadcast";
  const large = broadcast && !accumulate && n % 4 === 0 && Math.min(m, n) > 64 &&
    m * n * k >= LARGE_PRODUCT;
  const [rows, columns] = large ? [64, 64] : broadcast ? [broadcastRows(m), 32] : [8, 64];
  const depth = Math.max(LEAST_CPU_DEPTH, Math.floor(CACHED_FLOATS / Math.min(m, n)));
  const parts = large ? 1 : Math.ceil(k / depth);
  const step = Math.ceil(k / parts / 4) * 4;
  for (let begin = 0; begin < k; begin += step) {
    const how = { ...transposes, ...(bias && begin === 0 && { bias }) };
    const launch = product(c, a, b, sizes, { ...how, accumulate: accumulate || begin > 0 });
    gpu.dispatch({
      ...launch,
      source: broadcast ? broadcastSource : directSource,
      subgroups: broadcast,
      constants: { ...launch.constants, ...(broadcast && { ROWS: rows }) },
      uniform: { m, n, k, begin, depth: step, bias: how.bias ? 1 : 0, row },
      grid: Math.ceil(m / rows) * Math.ceil(n / columns),
    });
  }
}

/** Rows of a tile, a multiple of 8 up to 32: all tiles about full. */
function broadcastRows(m: number): number {
  return Math.ceil(m / Math.ceil(m / 32) / 8) * 8;
}

/** On a GPU, small results from long sums are split along k to occupy it, and added up in order. */
function tiled(
  gpu: Gpu,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  options: MatmulIntoOptions,
): void {
  const { m, n, k, row } = sizes;
  const tilesOf = (tile: number) => Math.ceil(m / tile) * Math.ceil(n / tile);
  const TILE = tilesOf(128) >= LARGE_TILES ? 128 : 64;
  const tiles = tilesOf(TILE);
  const depth = splitDepth(tiles, k);
  const parts = Math.ceil(k / depth);
  const multiply = (target: Tensor, how: MatmulIntoOptions) => {
    const launch = product(target, a, b, sizes, how);
    gpu.dispatch({
      ...launch,
      source: tiledSource,
      constants: { ...launch.constants, TILE },
      uniform: { m, n, k, begin: 0, depth, bias: how.bias ? 1 : 0, row },
      grid: tiles * parts,
    });
  };
  if (parts === 1) return multiply(c, options);
  const { bias, accumulate = false, ...transposes } = options;
  using partials = gpu.temporary([parts, m, n]);
  multiply(partials, transposes);
  gpu.dispatch({
    label: "matmul",
    source: tiledSource,
    entry: "combine",
    constants: { ACCUMULATE: accumulate ? 1 : 0 },
    inputs: [partials, bias ?? partials],
    outputs: [c],
    uniform: { m, n, k: parts, begin: 0, depth, bias: bias ? 1 : 0, row },
    grid: Math.ceil(m * n / 64),
  });
}

/** Steps of k in each part; all of them if the tiles alone occupy the GPU well enough. */
function splitDepth(tiles: number, k: number): number {
  const parts = Math.min(Math.floor(BUSY / tiles), Math.floor(k / LEAST_DEPTH));
  if (tiles > BUSY / 4 || parts < 2) return k;
  return Math.ceil(k / parts / 16) * 16; // whole slabs
}
