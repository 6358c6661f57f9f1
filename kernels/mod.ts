/**
 * What authors of kernels need: launches, the tape, the kinds of gradients, and where time and memory go;
 * the choice of kernels; and ranks.
 *
 * @example An operation with a kernel and a gradient of its own
 * ```ts ignore
 * import { Gpu, type Step, type Tensor } from "@nce/nce";
 * import type { Launch } from "@nce/nce/kernels";
 * import { multiply, scale, sum } from "@nce/nce/ops";
 *
 * const source = `
 *   struct Params { n: u32 }
 *   @group(0) @binding(0) var<storage, read> x: array<f32>;
 *   @group(0) @binding(1) var<storage, read_write> out: array<f32>;
 *   @group(1) @binding(0) var<uniform> params: Params;
 *   @compute @workgroup_size(64)
 *   fn main(group: Group, @builtin(local_invocation_index) local: u32) {
 *     let i = thread_index(group, local);
 *     if (i < params.n) { out[i] = x[i] * x[i]; }
 *   }`;
 *
 * function square(step: Step, x: Tensor): Tensor {
 *   const output = step.tensor(x.shape), n = x.size;
 *   const launch: Launch = {
 *     label: "square",
 *     source,
 *     inputs: [x],
 *     outputs: [output],
 *     uniform: { n },
 *     grid: Math.ceil(n / 64),
 *   };
 *   step.gpu.dispatch(launch);
 *   const backward = (dOutput: Tensor) => [multiply(step, scale(step, x, 2), dOutput)];
 *   return step.record({ name: "square", inputs: [x], output, backward });
 * }
 *
 * await using gpu = await Gpu.create();
 * using weight = gpu.tensor([3], Float32Array.of(1, 2, 3));
 * weight.requiresGrad = true;
 * using step = gpu.step({ training: true });
 * const gradients = step.backward(sum(step, square(step, weight)));
 * console.log(await gpu.read(gradients.toDense(weight)!)); // 2, 4, 6
 * ```
 *
 * @module
 */

export type { MergedGradient, SparseGradient } from "./accumulate/merge_rows.ts";
export type { Gradient, SummedGradient } from "./autograd/gradients.ts";
export type { TapeEntry } from "./autograd/step.ts";
export type { TiledGradient } from "./autograd/tiled_gradient.ts";
export type { KernelFamily } from "./device/adapter.ts";
export type { Launch } from "./device/launch.ts";
export { type KernelCode, KernelCompileError } from "./device/pipelines.ts";
export type { Profile, ProfileRow } from "./device/profile.ts";
export type { Scope } from "./device/scope.ts";
export { ownRows, shardRows, type TableShard } from "./device/shard.ts";
export { FIXED_TUNING, isTuning, type Tuning } from "./device/tuning.ts";
export { SCORE_LIMITS } from "./loss/class_tiles.ts";
export { tune } from "./tune.ts";
export { type Across, backwardAcross } from "./parallel/backward.ts";
export { ALONE, Communicator } from "./parallel/communicator.ts";
export { fetchRows, type RowRequest } from "./parallel/fetch_rows.ts";
export { ranksInProcess } from "./parallel/in_process.ts";
