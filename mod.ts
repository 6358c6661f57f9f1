/**
 * Noise contrastive estimation for huge softmax outputs, on WebGPU.
 *
 * @module
 */

export { relu, sigmoid, tanh } from "./kernels/elementwise/activation.ts";
export {
  type AdapterOptions,
  type Backend,
  type KernelFamily,
  NoAdapterError,
} from "./kernels/device/adapter.ts";
export type { CopyOptions } from "./kernels/device/copy.ts";
export {
  type EachTile,
  type NormalizedScores,
  tiledCrossEntropy,
  type TileGradient,
  type TileScorer,
} from "./kernels/loss/cross_entropy.ts";
export type { Device } from "./kernels/device/device.ts";
export { dropout } from "./kernels/elementwise/dropout.ts";
export { add, affine, multiply, scale } from "./kernels/elementwise/arithmetic.ts";
export { gru } from "./kernels/recurrent/gru.ts";
export { gather } from "./kernels/lookup/gather.ts";
export { DeviceError } from "./kernels/device/faults.ts";
export { Gpu } from "./kernels/gpu.ts";
export type { Launch } from "./kernels/device/launch.ts";
export { type Gradient, Gradients, type SummedGradient } from "./kernels/autograd/gradients.ts";
export { indexScore } from "./kernels/lookup/index_score.ts";
export { linear, matmul, type MatmulOptions } from "./kernels/matmul/linear.ts";
export { crossEntropy, linearScorer } from "./kernels/loss/linear_scorer.ts";
export { lstm, type LSTMState } from "./kernels/recurrent/lstm.ts";
export type { RecurrentStart, RecurrentWeights } from "./kernels/recurrent/recurrent.ts";
export { logPartition, nceLoss, type NoiseScores, sampledLoss } from "./kernels/loss/noise_loss.ts";
export { type KernelCode, KernelCompileError } from "./kernels/device/pipelines.ts";
export type { MemoryUse } from "./kernels/device/memory.ts";
export type { Profile, ProfileRow } from "./kernels/device/profile.ts";
export type { RandomKey } from "./kernels/random/philox.ts";
export { RandomStream } from "./kernels/random/stream.ts";
export { mean, sum, weightedSum } from "./kernels/elementwise/reduce.ts";
export type { MergedGradient, SparseGradient } from "./kernels/accumulate/merge_rows.ts";
export { rowDot } from "./kernels/matmul/row_dot.ts";
export { type TopK, topK } from "./kernels/loss/top_k.ts";
export type { TexelTensor } from "./kernels/device/texel_tensor.ts";
export type { Scope } from "./kernels/device/scope.ts";
export {
  exclude,
  type Exclusion,
  type NoiseIds,
  subtractScalar,
} from "./kernels/loss/noise_scores.ts";
export { Step, type StepOptions, type TapeEntry } from "./kernels/autograd/step.ts";
export {
  type DType,
  type PendingUpdates,
  type Storage,
  Tensor,
  type TensorData,
  type TexelCopy,
  type Texels,
  UseAfterDisposeError,
} from "./kernels/device/tensor.ts";
export type { TiledGradient } from "./kernels/autograd/tiled_gradient.ts";
export { Dropout } from "./nce/nn/dropout.ts";
export { Embedding, type EmbeddingOptions } from "./nce/nn/embedding.ts";
export { Linear, type LinearOptions } from "./nce/nn/linear.ts";
export {
  GRU,
  LSTM,
  Recurrent,
  type RecurrentInput,
  type RecurrentOptions,
} from "./nce/nn/recurrent.ts";
export { Module, type NamedParameter } from "./nce/nn/module.ts";
export { SGD, type SGDOptions } from "./nce/nn/sgd.ts";
export { AliasMultinomial } from "./nce/noise/alias_multinomial.ts";
export { IndexGRU, type IndexGRUOptions } from "./nce/index_gru.ts";
export { IndexLinear, type IndexLinearOptions } from "./nce/index_linear.ts";
export { NCELoss, type Scores } from "./nce/nce_loss.ts";
export type { LossType, NCEOptions, Reduction } from "./nce/nce_options.ts";
export { type Audit, auditGradient, type AuditOptions } from "./nce/audit.ts";
export { BatchNoise, type MoreNoise } from "./nce/noise/batch_noise.ts";
export { type NCEGradient, nceGradient, type NCEProblem } from "./nce/nce_gradient.ts";
export {
  logUniformProbabilities,
  type Noise,
  noiseProbabilities,
  type NoiseRequest,
  type NoiseShape,
  type NoiseSource,
} from "./nce/noise/noise.ts";
export { UniqueNoise } from "./nce/noise/unique_noise.ts";
