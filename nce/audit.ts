/** Gradient audit: how far the sampled gradient is from the exact one. */

import {
  expectFunction,
  expectInteger,
  expectNumber,
  MAX_WORD,
  show,
} from "../kernels/device/expect.ts";
import type { Gpu } from "../kernels/gpu.ts";
import type { Step } from "../kernels/autograd/step.ts";
import type { Tensor } from "../kernels/device/tensor.ts";
import { Philox } from "../kernels/random/philox.ts";
import { streamOf } from "../kernels/random/stream.ts";
import { expectOptions } from "./nn/module.ts";
import { NCELoss } from "./nce_loss.ts";
import type { LossType } from "./nce_options.ts";

const DOING = "make an audit";

/**
 * The result of an audit: g is the exact gradient, g^ a sampled one, and E the mean over the noise. The squares
 * are estimated without bias, and are at least 0, so that more draws make them surer, but not smaller.
 *
 * With noise from the batch ({@linkcode NoiseSource.fromBatch}) every draw has the same error: whether that is
 * bias or variance cannot be measured, and all but the cosine is NaN.
 */
export interface Audit {
  /** Mean of cos(g^, g); 0 for a draw whose gradient is zero. */
  readonly cosine: number;
  /** |E g^ - g| / |g| */
  readonly bias: number;
  /** E |g^ - E g^|^2 / |g|^2 */
  readonly variance: number;
  /** |E g^| / |g| */
  readonly length: number;
}

/** Options of {@linkcode auditGradient}. */
export interface AuditOptions {
  /** Number of draws of the noise, at least 2; 8 unless given. */
  draws?: number;
  /** Seed of the draws; 0 unless given. */
  seed?: number;
  /**
   * Number of the audit, such as that of the step; 0 unless given. Audits of different numbers draw different
   * noise.
   */
  number?: number;
}

/**
 * Compares the gradient of the criterion's sampled loss with that of exact cross entropy, over the criterion's
 * parameters; both have the penalty of a `selfNorm`. `loss` computes the loss [1] that is audited, with
 * `criterion.forward`; it is called for each draw, and for the exact loss. What is computed once for all of them,
 * such as the input, is computed in a step without training.
 *
 * Dropout is off: its masks would count as errors of the noise. The draws are none of those that training steps of
 * the seed see. NCE's expected gradient approaches that of cross entropy only as k grows: its bias is no fault.
 *
 * @example
 * ```ts ignore
 * const audit = await auditGradient(gpu, layer, (step) => layer.forward(step, target, x), { seed, number });
 * const noiseOverSignal = Math.sqrt(audit.variance) / audit.length; // up to 1: k is large enough
 * ```
 *
 * @throws {RangeError} If an option is not usable.
 * @throws {TypeError} If the criterion has no `scoreAllClasses`, or its loss is `"full"`.
 */
export async function auditGradient<Input extends readonly unknown[]>(
  gpu: Gpu,
  criterion: NCELoss<Input>,
  loss: (step: Step) => Tensor,
  options: AuditOptions = {},
): Promise<Audit> {
  expectOptions("an audit", gpu, options, [], ["draws", "seed", "number"]);
  const { draws = 8, seed = 0, number = 0 } = options;
  const isMany = (count: number) => Number.isSafeInteger(count) && count >= 2;
  expectNumber(DOING, "draws", draws, isMany, "an integer from 2 on");
  expectInteger(DOING, "number", number, MAX_WORD);
  if (!(criterion instanceof NCELoss)) {
    throw new TypeError(`Cannot ${DOING}: criterion is ${show(criterion)}, not an NCELoss`);
  }
  expectFunction(DOING, "loss", loss);
  const { lossType } = criterion, ownSeed = seedOf(seed, number);
  if (lossType === "full") throw new TypeError('Cannot audit loss "full": it is exact');
  const gradient = (lossType: LossType, draw: number) =>
    gradientOf(gpu, criterion, loss, lossType, ownSeed, draw);
  const exact = await gradient("full", 0), norm = Math.sqrt(dot(exact, exact));
  const mean = new Float64Array(exact.length);
  let cosine = 0, square = 0;
  for (let draw = 0; draw < draws; draw++) {
    const sampled = await gradient(lossType, draw), length = dot(sampled, sampled);
    if (length > 0) cosine += dot(sampled, exact) / (Math.sqrt(length) * norm) / draws;
    square += length / draws;
    for (let i = 0; i < mean.length; i++) mean[i]! += sampled[i]! / draws;
  }
  if (criterion.noise.fromBatch) return { cosine, bias: NaN, variance: NaN, length: NaN };
  const variance = Math.max(0, square - dot(mean, mean)) * draws / (draws - 1);
  // The squared length of a mean over n draws holds a part 1 / n of their variance.
  const lengthOf = (square: number) => Math.sqrt(Math.max(0, square - variance / draws)) / norm;
  return {
    cosine,
    bias: lengthOf(dot(mean, mean) - 2 * dot(mean, exact) + norm ** 2),
    variance: variance / norm ** 2,
    length: lengthOf(dot(mean, mean)),
  };
}

/** The seed of the draws of an audit: a random one, so that its draws are none of the run's. */
function seedOf(seed: number, number: number): number {
  const random = new Philox(seed, streamOf("audit"), number);
  return random.next() * 2 ** 21 + (random.next() >>> 11);
}

/** The gradient of `loss` with respect to the criterion's parameters, one after another, without dropout. */
async function gradientOf<Input extends readonly unknown[]>(
  gpu: Gpu,
  criterion: NCELoss<Input>,
  loss: (step: Step) => Tensor,
  lossType: LossType,
  seed: number,
  number: number,
): Promise<Float32Array> {
  const before = criterion.lossType, parameters = criterion.parameters();
  criterion.lossType = lossType;
  try {
    using step = gpu.step({ training: true, dropout: false, seed, number });
    const gradients = step.backward(loss(step));
    const all = new Float32Array(parameters.reduce((sum, [, { size }]) => sum + size, 0));
    let at = 0;
    for (const [, parameter] of parameters) {
      const gradient = gradients.toDense(parameter);
      if (gradient) all.set(await gpu.readFloats(gradient), at);
      at += parameter.size;
    }
    return all;
  } finally {
    criterion.lossType = before;
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}
