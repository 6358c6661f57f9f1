/** Gradients of weights and biases: on GPUs, those of several linear maps in one launch. */

import type { Device } from "../device/device.ts";
import { forParts, numbered } from "../device/for_parts.ts";
import { setsBound } from "../device/part_bindings.ts";
import { expectShape, type Tensor } from "../device/tensor.ts";
import { columnSums } from "./column_sums.ts";
import { matmulInto } from "./matmul.ts";
import { asMatrix, type Sizes } from "./operands.ts";
import combineChunks from "./combine_chunks.wgsl" with { type: "text" };
import shifted from "./_shifted.wgsl" with { type: "text" };
import tileOrder from "./_tile_order.wgsl" with { type: "text" };
import source from "./weight_gradients.wgsl" with { type: "text" };
import { type Plan, planOf, TILES, tilesIn } from "./workgroup_tile.ts";

/** The gradients of a linear map `y = x W^T + b`, and what they are computed from. */
export interface WeightGradient {
  /** [..., M]: the gradient of y; N rows. */
  readonly dOut: Tensor;
  /** [..., W], with the same leading dimensions. */
  readonly x: Tensor;
  /** [M, W]: becomes `dOut^T x`. */
  readonly dWeight: Tensor;
  /** [M]: becomes the sums of dOut's columns. */
  readonly dBias?: Tensor | undefined;
}

const sources = new Map(TILES.map((tile) => [tile, tile.source + shifted + tileOrder + source]));

/** Tensors that a map binds. */
const BOUND = 4;

/**
 * `dWeight = dOut^T x` and `dBias = ` the sums of dOut's columns, for each of `maps`, which have the same N.
 *
 * The order of summation depends on the sizes and the adapter alone, so equal calls give equal bits.
 *
 * @throws {TypeError} If the shapes do not fit.
 */
export function weightGradients(gpu: Device, maps: readonly WeightGradient[]): void {
  maps.forEach((map) => expectShapes(map, maps[0]!));
  if (gpu.family === "software") return maps.forEach((map) => oneByOne(gpu, map));
  const most = setsBound(gpu, BOUND, 0);
  for (let at = 0; at < maps.length; at += most) inOneLaunch(gpu, maps.slice(at, at + most));
}

function expectShapes({ dOut, x, dWeight, dBias }: WeightGradient, first: WeightGradient): void {
  const rows = first.dOut.shape.slice(0, -1), [M, W] = [dOut.shape.at(-1)!, x.shape.at(-1)!];
  expectShape("weightGradients", "dOut", dOut, [...rows, M]);
  expectShape("weightGradients", "x", x, [...rows, W]);
  expectShape("weightGradients", "dWeight", dWeight, [M, W]);
  if (dBias) expectShape("weightGradients", "dBias", dBias, [M]);
}

function oneByOne(gpu: Device, { dOut, x, dWeight, dBias }: WeightGradient): void {
  using matrix = asMatrix(dOut), flat = asMatrix(x);
  matmulInto(gpu, dWeight, matrix, flat, { transposeA: true });
  if (dBias) columnSums(gpu, dBias, dOut);
}

/** For GPUs: as many maps as a launch can bind. Long sums are cut, and another launch adds up the chunks. */
export function inOneLaunch(
  gpu: Device,
  maps: readonly WeightGradient[],
  plan: Plan = planOf(maps.map(sizesOf), gpu.tuning),
): void {
  const sizes = maps.map(sizesOf), tiles = tilesIn(plan.tile, sizes), rows = sizes[0]!.k;
  const chunks = Math.ceil(rows / plan.depth);
  const widths = sizes.map(({ n }) => Math.ceil(n / 4) * 4);
  using temporaries = new DisposableStack();
  const make = (...shape: number[]) => temporaries.use(gpu.temporary(shape));
  const wholes = [
    ...maps.map(({ dWeight }) => dWeight),
    ...maps.map(({ dBias }, i) => dBias ?? make(sizes[i]!.m)),
  ];
  const direct = chunks === 1 && sizes.every(({ n }, i) => n === widths[i]);
  const found = direct ? wholes : [
    ...sizes.map(({ m }, i) => make(chunks, m, widths[i]!)),
    ...sizes.map(({ m }) => make(chunks, m)),
  ];
  gpu.dispatch({
    label: "matmul",
    source: forParts(sources.get(plan.tile)!, maps.length),
    constants: {
      VECTOR_A: sizes.every(({ m }) => m % 4 === 0) ? 1 : 0,
      VECTOR_B: sizes.every(({ n }) => n % 4 === 0) ? 1 : 0,
    },
    inputs: [...maps.map(({ dOut }) => dOut), ...maps.map(({ x }) => x)],
    outputs: found,
    uniform: { rows, depth: plan.depth, tiles, ...shapesOf(sizes) },
    grid: tiles * chunks,
  });
  if (direct) return;
  const elements = sizes.reduce((sum, { m, n }) => sum + m * (n + 1), 0);
  gpu.dispatch({
    label: "matmul",
    source: forParts(combineChunks, maps.length),
    entry: "combine",
    inputs: found,
    outputs: wholes,
    uniform: { chunks, ...shapesOf(sizes) },
    grid: Math.ceil(elements / 64),
  });
}

function shapesOf(sizes: readonly Sizes[]): Record<string, number> {
  return { ...numbered(sizes.map(({ m }) => m), "m"), ...numbered(sizes.map(({ n }) => n), "w") };
}

function sizesOf({ dOut, dWeight: { shape: [M, W] } }: WeightGradient): Sizes {
  return { m: M!, n: W!, k: dOut.size / M! };
}
