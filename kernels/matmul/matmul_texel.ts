/** The matrix product for software adapters whose subgroups are a CPU's vectors, from texels. */

import { type Device, dispatchTexels } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import texelLibrary from "../device/_texels.wgsl" with { type: "text" };
import texelTile from "./_texel_tile.wgsl" with { type: "text" };
import tiles from "./matmul_texel.wgsl" with { type: "text" };
import {
  inChunks,
  productLaunch,
  type ProductOptions,
  productSource,
  type Sizes,
} from "./operands.ts";
import { padRows } from "./pad.ts";

/** WGSL of a product's tile from texels, for {@linkcode texelTileOf}, after a `Weight`. */
export const texelSource = texelLibrary + texelTile;

const sourceOf = productSource(texelSource + tiles);

/** Steps of k of a launch: llvmpipe ends a thread's loops after 65,535 rounds, here of four steps. */
const MAX_LOOP = 2 ** 17;
/** What a core's cache holds of the operand that is read again for every tile. */
const CACHED_FLOATS = 2 ** 18;
/** Steps of k below which loading and storing the sums again would cost more than the cache gains. */
const MIN_DEPTH = 512;

/** Rows from which tiles have 32: that saves loads, but takes the driver's compiler twice as long. */
const MANY_ROWS = 512;

/** Whether subgroups are a CPU's vectors; products read their operands as texels then. */
export function readsTexels(gpu: Device): boolean {
  return gpu.family === "software" && (gpu.subgroupSize === 8 || gpu.subgroupSize === 16);
}

/** The constants of _texel_tile.wgsl for `m` rows: up to `most`, all tiles about full. */
export function texelTileOf(gpu: Device, m: number, most = 16): { LANES: number; ROWS: number } {
  return { LANES: gpu.subgroupSize, ROWS: Math.ceil(m / Math.ceil(m / most) / 4) * 4 };
}

/** `out[n] = sum over k of b[k, n]` from texels: the product of a row of ones and b. */
export function columnSumsFromTexels(gpu: Device, out: Tensor, b: Tensor): void {
  const [k, n] = [b.shape[0]!, b.shape[1]!];
  multiplyFromTexels(gpu, out, b, b, { m: 1, n, k }, {}, { ONES: 1 });
}

/** Steps of k of a launch, such that what it reads again and again stays in a core's cache. */
function cachedDepth({ m, n, k }: Sizes): number {
  const chunks = Math.max(1, Math.round(k * Math.min(m, n) / CACHED_FLOATS));
  return Math.min(MAX_LOOP, Math.max(MIN_DEPTH, Math.ceil(k / chunks)));
}

/** Texels want rows of whole vectors: others are padded first. */
export function multiplyFromTexels(
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  sizes: Sizes,
  options: ProductOptions,
  constants: Record<string, number> = {},
): void {
  using padded = new DisposableStack();
  const whole = (x: Tensor) => x.shape[1]! % 4 === 0 ? x : padded.use(padRows(gpu, x));
  const wholeB = whole(b), texels = [a === b ? wholeB : whole(a), wholeB] as const;
  const widths = { width_a: texels[0].shape[1]!, width_b: texels[1].shape[1]! };
  const most = sizes.m < MANY_ROWS ? 16 : 32;
  const tile = { ...texelTileOf(gpu, sizes.m, most), VECTOR_A: 1, VECTOR_B: 1 };
  // The next chunk of a sum goes on with what is stored, so that the bits are those of an uncut sum.
  const continues = sizes.n % 4 === 0 && !options.bias && !options.accumulate;
  inChunks(sizes.k, continues ? cachedDepth(sizes) : MAX_LOOP, options, (range, how) => {
    const CONTINUED = continues && range.begin > 0 ? 1 : 0;
    const launch = productLaunch(c, a, b, sizes, CONTINUED ? { ...how, accumulate: false } : how);
    dispatchTexels(gpu, {
      ...launch,
      source: sourceOf(sizes.n, b),
      subgroups: true,
      texels,
      constants: { ...launch.constants, ...tile, ...constants, CONTINUED },
      uniform: { ...launch.uniform, ...range, ...widths },
      grid: Math.ceil(sizes.m / tile.ROWS) * Math.ceil(sizes.n / (4 * tile.LANES)),
    });
  });
}
