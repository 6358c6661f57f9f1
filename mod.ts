/**
 * Noise contrastive estimation for huge softmax outputs, on WebGPU.
 *
 * @module
 */

export { relu, sigmoid, tanh } from "./kernels/activation.ts";
export {
  type AdapterOptions,
  type Backend,
  type KernelFamily,
  NoAdapterError,
} from "./kernels/adapter.ts";
export type { CopyOptions } from "./kernels/copy.ts";
export {
  type EachTile,
  type NormalizedScores,
  tiledCrossEntropy,
  type TileGradient,
  type TileScorer,
} from "./kernels/cross_entropy.ts";
export type { Device } from "./kernels/device.ts";
export { dropout } from "./kernels/dropout.ts";
export { add, affine, multiply, scale } from "./kernels/elementwise.ts";
export { gru } from "./kernels/gru.ts";
export { gather } from "./kernels/gather.ts";
export { DeviceError } from "./kernels/faults.ts";
export { Gpu } from "./kernels/gpu.ts";
export type { Launch } from "./kernels/launch.ts";
export { type Gradient, Gradients, type SummedGradient } from "./kernels/gradients.ts";
export { indexScore } from "./kernels/index_score.ts";
export { linear, matmul, type MatmulOptions } from "./kernels/linear.ts";
export { crossEntropy, linearScorer } from "./kernels/linear_scorer.ts";
export { lstm, type LSTMState } from "./kernels/lstm.ts";
export type { RecurrentStart, RecurrentWeights } from "./kernels/recurrent.ts";
export { logPartition, nceLoss, type NoiseScores, sampledLoss } from "./kernels/noise_loss.ts";
export { type KernelCode, KernelCompileError } from "./kernels/pipelines.ts";
export type { MemoryUse } from "./kernels/pool.ts";
export type { Profile, ProfileRow } from "./kernels/profile.ts";
export { mean, sum, weightedSum } from "./kernels/reduce.ts";
export type { MergedGradient, SparseGradient } from "./kernels/rows.ts";
export { rowDot } from "./kernels/row_dot.ts";
export type { Scope } from "./kernels/scope.ts";
export { exclude, type Exclusion, type NoiseIds, subtractScalar } from "./kernels/scores.ts";
export { Step, type StepOptions, type TapeEntry } from "./kernels/step.ts";
export {
  type DType,
  type PendingUpdates,
  type Storage,
  Tensor,
  type TensorData,
  type TexelCopy,
  type Texels,
  UseAfterDisposeError,
} from "./kernels/tensor.ts";
export type { TiledGradient } from "./kernels/tiled.ts";
export { Dropout } from "./nn/dropout.ts";
export { Embedding, type EmbeddingOptions } from "./nn/embedding.ts";
export { Linear, type LinearOptions } from "./nn/linear.ts";
export {
  GRU,
  LSTM,
  Recurrent,
  type RecurrentInput,
  type RecurrentOptions,
} from "./nn/recurrent.ts";
export { Module, type NamedParameter, namedParameters } from "./nn/module.ts";
export { SGD, type SGDOptions } from "./nn/sgd.ts";
export { AliasMultinomial } from "./nce/alias.ts";
export { IndexGRU, type IndexGRUOptions } from "./nce/index_gru.ts";
export { IndexLinear, type IndexLinearOptions } from "./nce/index_linear.ts";
export { NCELoss, type Scores } from "./nce/nce_loss.ts";
export type { LossType, NCEOptions, Reduction } from "./nce/nce_options.ts";
export { type Audit, auditGradient, type AuditOptions } from "./nce/audit.ts";
export { BatchNoise, type MoreNoise } from "./nce/batch_noise.ts";
export { type NCEGradient, nceGradient, type NCEProblem } from "./nce/gradient.ts";
export {
  logUniformProbabilities,
  type Noise,
  noiseProbabilities,
  type NoiseRequest,
  type NoiseShape,
  type NoiseSource,
} from "./nce/noise.ts";
export { UniqueNoise } from "./nce/unique_noise.ts";
