/** Noise: what targets are told apart from, and the distributions that it is drawn from. */

import type { Step } from "../kernels/step.ts";
import type { Tensor } from "../kernels/tensor.ts";

/** Noise samples for N targets. */
export interface Noise {
  /** Ids: [K], shared by all targets, or [N, K]. */
  readonly ids: Tensor;
  /** ln q of the samples, in the shape of `ids`. */
  readonly logProb: Tensor;
  /** [N] ln q of the targets. */
  readonly targetLogProb: Tensor;
  /** k, the number of samples that count for a target. */
  readonly samples: number;
  /** If the samples hold the targets themselves: the column of target 0, which does not count for it. */
  readonly ownSlot?: number;
}

/** What is asked of a {@linkcode NoiseSource}. */
export interface NoiseRequest {
  /** [N] ids of the targets. */
  readonly target: Tensor;
  /** k, the number of samples wanted for a target. */
  readonly noiseRatio: number;
  /** Whether every target gets samples of its own. */
  readonly perWord: boolean;
}

/** A distribution q over classes that noise is drawn from. */
export interface NoiseSource extends Disposable {
  /** V, the number of classes. */
  readonly numClasses: number;
  /** [V] q of each class. */
  readonly probabilities: Float64Array;
  /** Whether the samples are independent draws, as binary NCE wants them. */
  readonly independent: boolean;
  /** Draws noise, a function of the step's seed and number. */
  sample(step: Step, request: NoiseRequest): Noise;
}

/** The smallest probability of a class before the final normalisation. */
const FLOOR = 1e-10;

/**
 * Probabilities of `noise` (counts or probabilities), floored at 1e-10 and normalised in float64.
 *
 * @throws {RangeError} If it is empty, all zero, or has a negative or non-finite element.
 */
export function normalizeNoise(noise: ArrayLike<number>): Float64Array {
  const weights = Float64Array.from(noise);
  if (weights.length === 0) throw new RangeError("Cannot use noise: it has no classes");
  weights.forEach((weight, i) => {
    if (!(weight >= 0 && weight < Infinity)) {
      throw new RangeError(`Cannot use noise: class ${i} has weight ${weight}`);
    }
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0)) throw new RangeError("Cannot use noise: every class has weight 0");
  const floored = weights.map((weight) => Math.max(weight / total, FLOOR));
  const flooredTotal = floored.reduce((sum, p) => sum + p, 0);
  return floored.map((p) => p / flooredTotal);
}

/** How {@linkcode noiseProbabilities} changes counts. */
export interface NoiseShape {
  /** The exponent of the counts; 1 unless given. */
  power?: number;
  /** The part of uniform noise that is mixed in; 0 unless given. */
  uniform?: number;
}

/**
 * `q = (1 - uniform) * count^power / sum + uniform / V`.
 *
 * @throws {RangeError} If the counts are not usable (with a negative power, a count of 0 is not), `power` is
 *   not finite or `uniform` not in [0, 1].
 */
export function noiseProbabilities(
  counts: ArrayLike<number>,
  { power = 1, uniform = 0 }: NoiseShape = {},
): Float64Array {
  if (!Number.isFinite(power)) throw new RangeError(`Cannot raise noise to the power ${power}`);
  if (!(uniform >= 0 && uniform <= 1)) {
    throw new RangeError(`Cannot mix ${uniform} of uniform noise: give a part from 0 to 1`);
  }
  const floored = normalizeNoise(counts);
  const raised = normalizeNoise(floored.map((p, y) => (counts[y] === 0 ? 0 : p) ** power));
  return raised.map((p) => (1 - uniform) * p + uniform / raised.length);
}

/**
 * Zipf's law by rank, the noise of TensorFlow's log-uniform sampler:
 * `q(y) = ln((y + 2) / (y + 1)) / ln(V + 1)`. Right only if ids are in order of falling frequency.
 */
export function logUniformProbabilities(numClasses: number): Float64Array {
  const scale = Math.log1p(numClasses);
  return Float64Array.from({ length: numClasses }, (_, y) => Math.log1p(1 / (y + 1)) / scale);
}
