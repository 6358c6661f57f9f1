/** Matrix products: picks the kernel for the adapter and the shapes, and launches it. */

import type { Device } from "../device/device.ts";
import type { Launch } from "../device/launch.ts";
import shared from "./_matmul.wgsl" with { type: "text" };
import broadcastTiles from "./matmul_broadcast.wgsl" with { type: "text" };
import directTiles from "./matmul_direct.wgsl" with { type: "text" };
import workgroupTiles from "./matmul_tiled.wgsl" with { type: "text" };
import { padRows } from "./pad.ts";
import { expectShape, type Tensor } from "../device/tensor.ts";
import texelTile from "./_texel_tile.wgsl" with { type: "text" };
import texelLibrary from "../device/_texels.wgsl" with { type: "text" };

/** WGSL of a product's tile from texels, for {@linkcode texelTileOf}. */
export const texelSource = texelLibrary + texelTile;

const broadcastSource = shared + texelSource + broadcastTiles;
const directSource = shared + directTiles;
const tiledSource = shared + workgroupTiles;

/** The kernels: for software adapters with and without subgroups of 8 or 16, and for GPUs. */
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
/** Rows and columns of a workgroup's tile, as in matmul_tiled.wgsl. */
const TILE = 64;
/** Steps of k that a part of a split product has at least, so that adding the parts up stays small. */
const MIN_DEPTH = 64;

/** What a CPU core's cache holds of the operand that is read again for every tile. */
const CACHED_FLOATS = 2 ** 17;
/** Steps of k below which loading and storing the result again would cost more than the cache gains. */
const MIN_CPU_DEPTH = 256;

/** Steps of k of a launch: llvmpipe ends a thread's loops after 65,535 rounds, here of four steps. */
const MAX_LOOP = 2 ** 17;

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
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  options: MatmulIntoOptions = {},
): void {
  const sizes = checkShapes(c, a, b, options);
  const kernel = options.kernel ?? chooseKernel(gpu);
  if (kernel === "tiled") tiled(gpu, c, a, b, sizes, options);
  else if (kernel === "broadcast") fromTexels(gpu, c, a, b, sizes, options);
  else direct(gpu, c, a, b, sizes, options);
}

function chooseKernel(gpu: Device): MatmulKernel {
  if (gpu.family === "tiled") return "tiled";
  return readsTexels(gpu) ? "broadcast" : "direct";
}

/** Whether subgroups are a CPU's vectors; products read their operands as texels then. */
export function readsTexels(gpu: Device): boolean {
  return gpu.family === "direct" && (gpu.subgroupSize === 8 || gpu.subgroupSize === 16);
}

/** Sizes of `op(a) op(b)`, [m, k] times [k, n]; throws a TypeError unless both are matrices that fit. */
export function productSizes(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: MatmulIntoOptions,
): { m: number; n: number; k: number } {
  const [m, k] = transposeA ? [a.shape[1], a.shape[0]] : a.shape;
  const [inner, n] = transposeB ? [b.shape[1], b.shape[0]] : b.shape;
  const matrices = a.shape.length === 2 && b.shape.length === 2;
  if (matrices && k === inner && a.dtype === "f32" && b.dtype === "f32") {
    return { m: m!, n: n!, k: k! };
  }
  const name = (t: Tensor, transposed: boolean) =>
    `${t.dtype} [${t.shape}]${transposed ? " transposed" : ""}`;
  throw new TypeError(
    `Cannot multiply ${name(a, transposeA)} by ${name(b, transposeB)}: ` +
      "both must be float matrices, and their inner sizes equal",
  );
}

function checkShapes(c: Tensor, a: Tensor, b: Tensor, options: MatmulIntoOptions): Sizes {
  const { bias, row, transposeA } = options, { m: rows, n, k } = productSizes(a, b, options);
  const m = row === undefined ? rows : c.shape[0]!;
  if (row !== undefined && (transposeA || !(row >= 0 && row + m <= rows))) {
    throw new TypeError(
      `Cannot multiply ${m} rows of [${a.shape}] from ${row} on: not all are there`,
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
  { m, n, k, row }: Sizes,
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
    uniform: {
      m,
      n,
      k,
      begin: 0,
      depth: k,
      bias: bias ? 1 : 0,
      row,
      width_a: a.shape[1]!,
      width_b: b.shape[1]!,
    },
  } satisfies Partial<Launch>;
}

/** The constants of _texel_tile.wgsl for `m` rows: up to 16, all tiles about full. */
export function texelTileOf(gpu: Device, m: number): { LANES: number; ROWS: number } {
  return { LANES: gpu.subgroupSize, ROWS: Math.ceil(m / Math.ceil(m / 16) / 4) * 4 };
}

/** `out[n] = sum over k of b[k, n]` from texels: the product of a row of ones and b. */
export function columnSumsFromTexels(gpu: Device, out: Tensor, b: Tensor): void {
  const [k, n] = [b.shape[0]!, b.shape[1]!];
  fromTexels(gpu, out, b, b, { m: 1, n, k, row: 0 }, {}, { ONES: 1 });
}

/** From texels, which want rows of whole vectors. */
function fromTexels(
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  options: MatmulIntoOptions,
  constants: Record<string, number> = {},
): void {
  using padded = new DisposableStack();
  const whole = (x: Tensor) => x.shape[1]! % 4 === 0 ? x : padded.use(padRows(gpu, x));
  const wholeB = whole(b), texels = [a === b ? wholeB : whole(a), wholeB] as const;
  const widths = { width_a: texels[0].shape[1]!, width_b: texels[1].shape[1]! };
  const tile = { ...texelTileOf(gpu, sizes.m), VECTOR_A: 1, VECTOR_B: 1 };
  inParts(sizes.k, MAX_LOOP, options, (range, how) => {
    const launch = product(c, a, b, sizes, how);
    gpu.dispatch({
      ...launch,
      source: broadcastSource,
      subgroups: true,
      texels,
      constants: { ...launch.constants, ...tile, ...constants },
      uniform: { ...launch.uniform, ...range, ...widths },
      grid: Math.ceil(sizes.m / tile.ROWS) * Math.ceil(sizes.n / (4 * tile.LANES)),
    });
  });
}

/** From buffers, without subgroups: what is read again and again shall stay in a core's cache. */
function direct(
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  options: MatmulIntoOptions,
): void {
  const cached = Math.floor(CACHED_FLOATS / Math.min(sizes.m, sizes.n));
  inParts(sizes.k, Math.max(MIN_CPU_DEPTH, cached), options, (range, how) => {
    const launch = product(c, a, b, sizes, how);
    gpu.dispatch({
      ...launch,
      source: directSource,
      uniform: { ...launch.uniform, ...range },
      grid: Math.ceil(sizes.m / 8) * Math.ceil(sizes.n / 64),
    });
  });
}

/** Cuts sums of `k` into equal parts of at most `longest`, which are added up in order. */
function inParts(
  k: number,
  longest: number,
  { bias, accumulate = false, ...transposes }: MatmulIntoOptions,
  multiply: (range: { begin: number; depth: number }, how: MatmulIntoOptions) => void,
): void {
  const depth = Math.ceil(k / Math.ceil(k / longest) / 4) * 4;
  for (let begin = 0; begin < k; begin += depth) {
    const first = begin === 0;
    const how = { ...transposes, accumulate: accumulate || !first };
    multiply({ begin, depth }, first && bias ? { ...how, bias } : how);
  }
}

/** On a GPU, small results from long sums are split along k to occupy it, and added up in order. */
function tiled(
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  options: MatmulIntoOptions,
): void {
  const { m, n, k } = sizes;
  const tiles = Math.ceil(m / TILE) * Math.ceil(n / TILE);
  const depth = splitDepth(tiles, k);
  const parts = Math.ceil(k / depth);
  const multiply = (target: Tensor, how: MatmulIntoOptions) => {
    const launch = product(target, a, b, sizes, how);
    gpu.dispatch({
      ...launch,
      source: tiledSource,
      uniform: { ...launch.uniform, depth },
      grid: tiles * parts,
    });
  };
  if (parts === 1) return multiply(c, options);
  const { bias, accumulate = false, ...transposes } = options;
  using partials = gpu.temporary([parts, m, n]);
  multiply(partials, transposes);
  const { uniform } = product(c, a, b, sizes, options);
  gpu.dispatch({
    label: "matmul",
    source: tiledSource,
    entry: "combine",
    constants: { ACCUMULATE: accumulate ? 1 : 0 },
    inputs: [partials, bias ?? partials],
    outputs: [c],
    uniform: { ...uniform, k: parts },
    grid: Math.ceil(m * n / 64),
  });
}

/** Steps of k in each part; all of them if the tiles alone occupy the GPU well enough. */
function splitDepth(tiles: number, k: number): number {
  const parts = Math.min(Math.floor(BUSY / tiles), Math.floor(k / MIN_DEPTH));
  if (tiles > BUSY / 4 || parts < 2) return k;
  return Math.ceil(k / parts / 16) * 16; // whole slabs
}
