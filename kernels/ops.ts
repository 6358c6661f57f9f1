/**
 * Differentiable operations: what a scorer or a layer of your own is written with. Each takes the step
 * that owns its result; in a training step, gradients follow. An operation throws a TypeError for a tensor
 * of a shape or type that it does not take, and a RangeError for a number or an id out of range; the message
 * names the operation and what it got.
 *
 * @example The gradient of a sum of products
 * ```ts ignore
 * import { Gpu } from "@nce/nce";
 * import { multiply, sum } from "@nce/nce/ops";
 *
 * await using gpu = await Gpu.create();
 * using weight = gpu.tensor([3], Float32Array.of(1, 2, 3));
 * weight.requiresGrad = true;
 *
 * using step = gpu.step({ training: true });
 * const x = step.upload(Float32Array.of(4, 5, 6));
 * const gradients = step.backward(sum(step, multiply(step, weight, x)));
 * console.log(await gpu.read(gradients.toDense(weight)!)); // 4, 5, 6
 * ```
 *
 * @module
 */

export { relu, sigmoid, tanh } from "./elementwise/activation.ts";
export { add, affine, multiply, scale } from "./elementwise/arithmetic.ts";
export { subtractScalar } from "./elementwise/subtract_scalar.ts";
export { dropout } from "./elementwise/dropout.ts";
export { mean, sum, weightedSum } from "./elementwise/reduce.ts";
export { embeddingBag } from "./lookup/embedding_bag.ts";
export { gather } from "./lookup/gather.ts";
export { indexScore } from "./lookup/index_score.ts";
export type { EachTile, TileGradient, TileScorer } from "./loss/class_tiles.ts";
export { type NormalizedScores, tiledCrossEntropy } from "./loss/cross_entropy.ts";
export { crossEntropy, linearScorer } from "./loss/linear_scorer.ts";
export { logPartition, nceLoss, type NoiseScores, sampledLoss } from "./loss/noise_loss.ts";
export { exclude, type Exclusion, type NoiseIds } from "./loss/noise_scores.ts";
export { drawClasses, type DrawOptions } from "./loss/draw.ts";
export { type TopK, topK } from "./loss/top_k.ts";
export { linear, matmul } from "./matmul/linear.ts";
export type { MatmulOptions } from "./matmul/operands.ts";
export { rowDot } from "./matmul/row_dot.ts";
export { gru } from "./recurrent/gru.ts";
export { lstm, type LSTMState } from "./recurrent/lstm.ts";
export type { RecurrentStart, RecurrentWeights } from "./recurrent/recurrent.ts";
