/** A launch as data: what a kernel run needs, and the checks on it. */

import type { BindingCounts, KernelCode } from "./pipelines.ts";
import { expectList, expectObject, expectText, show } from "./expect.ts";
import { storageOf, type Tensor } from "./tensor.ts";
import { TexelTensor } from "./texel_tensor.ts";
import type { Texels } from "./texels.ts";

/** One kernel run, or several that differ in their uniform alone, as data. */
export interface Launch extends KernelCode {
  /** Read-only storage at group 0, bindings 0 and up. */
  readonly inputs: readonly Tensor[];
  /**
   * Read-write storage at the following bindings of group 0. If a kernel writes ids, set their
   * {@linkcode Tensor.idLimit} after the launch: their range is not known.
   */
  readonly outputs: readonly Tensor[];
  /**
   * Tables that are bound, or whose parts are, and read at the rows `ids` alone; without `ids`, an earlier
   * launch has brought the rows up to date.
   */
  readonly readsRows?: { readonly tables: readonly Tensor[]; readonly ids?: Tensor | undefined };
  /**
   * Whether the kernel is the variant for a table of 16-bit floats (tables.ts); others refuse such a table, whose
   * bits they would take for other numbers.
   */
  readonly halves?: boolean;
  /** Values of the kernel's `struct Params` (group 1, binding 0), by field name. */
  readonly uniform?: Record<string, number>;
  /**
   * The other values of `struct Params`, of each of several runs one after another: they cost less time than as
   * many launches. One run with no others unless given.
   */
  readonly runs?: readonly Record<string, number>[];
  /**
   * Workgroups. A number is a grid of one dimension, which is folded into rows if it exceeds the device's
   * limit: `thread_index` and `group_index` of _grid.wgsl give a thread its number.
   */
  readonly grid: number | readonly [number, number, number];
}

/** A kernel run that reads or writes texels as well. */
export interface TexelLaunch extends Launch {
  /**
   * Read as texels (_texels.wgsl) at group 2, bindings 0 and up. A tensor is copied to a texture if there is
   * no copy yet; its rows must be whole vectors of four.
   */
  readonly texels?: readonly (Tensor | TexelTensor)[];
  /** Texels that the kernel writes, at the following binding of group 2. */
  readonly texelsOut?: TexelTensor | undefined;
}

/** Number of launches that were checked so far. */
let launches = 0;

/**
 * Throws a TypeError unless all bindings are tensors of `device`, and none is both read and written: WebGPU
 * would reject the whole submission.
 */
export function expectBindings(launch: TexelLaunch, device: GPUDevice): void {
  expectObject("run a kernel", "launch", launch, "an object");
  const { label, source, inputs, outputs, runs, texels = [], texelsOut, halves } = launch,
    doing = `run ${label}`;
  expectText("run a kernel", "its label", label);
  expectText("run a kernel", "its source", source);
  expectList(doing, "inputs", inputs);
  expectList(doing, "outputs", outputs);
  if (runs !== undefined) expectList(doing, "runs", runs);
  for (const texel of texels) {
    if (texel instanceof TexelTensor) expectTexels(doing, texel, device);
    else {
      storageOf(doing, texel, device);
      expectNoHalves(launch, texel);
    }
  }
  if (texelsOut) {
    expectTexels(doing, texelsOut, device);
    if (texels.includes(texelsOut)) {
      throw new TypeError(`Cannot ${doing}: the same texels are read and written`);
    }
  }
  const number = ++launches;
  for (const tensor of outputs) {
    const storage = storageOf(doing, tensor, device);
    if (!halves) expectNoHalves(launch, tensor);
    if (storage.writtenBy === number) {
      throw new TypeError(`Cannot run ${label}: output bound twice`);
    }
    storage.writtenBy = number;
  }
  for (const tensor of inputs) {
    const storage = storageOf(doing, tensor, device);
    if (!halves) expectNoHalves(launch, tensor);
    if (storage.writtenBy === number) {
      throw new TypeError(`Cannot run ${label}: a tensor is both input and output`);
    }
  }
}

/** Throws a TypeError if a tensor has 16-bit floats, unless WGSL's own are enabled for the kernel. */
function expectNoHalves({ label, source }: Launch, { dtype, shape }: Tensor): void {
  if (dtype !== "f16" || source.includes("enable f16;")) return;
  throw new TypeError(`Cannot run ${label}: it takes no 16-bit floats, as a table [${shape}] has`);
}

function expectTexels(doing: string, { shape, device: own }: TexelTensor, device: GPUDevice): void {
  if (own === device) return;
  throw new TypeError(`Cannot ${doing}: texels [${shape}] belong to another Gpu`);
}

/** How many bindings of each kind a launch has, if the texels that it reads are `read`. */
export function bindingCounts(
  { inputs, outputs, texelsOut }: TexelLaunch,
  read: readonly Texels[],
): BindingCounts {
  return {
    inputs: inputs.length,
    outputs: outputs.length,
    texels: read.map(({ format }) => format),
    texelsOut: texelsOut ? 1 : 0,
  };
}

/** The launch's workgroups in three dimensions of at most `limit` each. */
export function foldGrid(
  { label, grid }: Launch,
  limit: number,
): readonly [number, number, number] {
  if (typeof grid === "number" && isSize(grid)) {
    const rows = Math.ceil(grid / limit);
    return [Math.ceil(grid / rows), rows, 1];
  }
  if (!Array.isArray(grid) || grid.length !== 3 || !grid.every(isSize)) {
    const found = show(grid);
    throw new RangeError(
      `Cannot run ${label}: grid is ${found}, not one or three positive integers`,
    );
  }
  if (grid.some((n) => n > limit)) {
    throw new RangeError(`Cannot run ${label}: grid ${grid} is over ${limit}`);
  }
  return grid as [number, number, number];
}

function isSize(n: number): boolean {
  return Number.isSafeInteger(n) && n > 0;
}
