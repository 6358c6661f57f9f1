/**
 * Noise contrastive estimation for huge softmax outputs, on WebGPU: the losses, the output layers that
 * compute them from a few scores, and where noise comes from. Layers and the optimizer are in `./nn`,
 * operations for scorers of your own in `./ops`, random numbers in `./random`, and what kernels of your
 * own need in `./kernels`.
 *
 * @example The loss of eight vectors over 10,000 classes
 * ```ts ignore
 * import { Gpu, IndexLinear } from "@nce/nce";
 *
 * await using gpu = await Gpu.create();
 * const noise = Float32Array.from({ length: 10_000 }, (_, y) => 1 / (y + 1)); // class frequencies
 * using layer = new IndexLinear(gpu, { embeddingDim: 64, numClasses: noise.length, noise });
 *
 * using step = gpu.step({ training: true, seed: 1 });
 * const inputs = Float32Array.from({ length: 8 * 64 }, (_, i) => Math.sin(i));
 * const targets = Uint32Array.from({ length: 8 }, (_, i) => i);
 * const loss = layer.forward(step, step.upload(targets), step.upload(inputs, [8, 64]));
 * console.log(await gpu.read(loss));
 * ```
 *
 * @module
 */

export {
  type AdapterOptions,
  type Backend,
  type Compute,
  MissingFeatureError,
  NoAdapterError,
} from "./kernels/device/adapter.ts";
export type { CopyOptions } from "./kernels/device/copy.ts";
export type { Device } from "./kernels/device/device.ts";
export { DeviceError, OutOfMemoryError, UseAfterDisposeError } from "./kernels/device/faults.ts";
export type { MemoryUse } from "./kernels/device/memory.ts";
export { Gpu } from "./kernels/gpu.ts";
export type { BatchPart } from "./kernels/random/part.ts";
export { Gradients } from "./kernels/autograd/gradients.ts";
export { Step, type StepOptions } from "./kernels/autograd/step.ts";
export type { Shard } from "./kernels/device/shard.ts";
export type { DType, TableDType, TensorData } from "./kernels/device/dtype.ts";
export { Tensor } from "./kernels/device/tensor.ts";
export { type Audit, auditGradient, type AuditOptions } from "./nce/audit.ts";
export { IndexGRU, type IndexGRUOptions } from "./nce/index_gru.ts";
export { IndexLinear, type IndexLinearOptions } from "./nce/index_linear.ts";
export { type NCEGradient, nceGradient, type NCEProblem } from "./nce/nce_gradient.ts";
export type { Scores } from "./nce/scores.ts";
export { NCELoss } from "./nce/nce_loss.ts";
export type { LossType, NCEOptions, Reduction } from "./nce/nce_options.ts";
export { AliasMultinomial } from "./nce/noise/alias_multinomial.ts";
export { BatchNoise, type MoreNoise } from "./nce/noise/batch_noise.ts";
export {
  logUniformProbabilities,
  type Noise,
  noiseProbabilities,
  type NoiseRequest,
  type NoiseShape,
  type NoiseSource,
} from "./nce/noise/noise.ts";
export { UniqueNoise } from "./nce/noise/unique_noise.ts";
