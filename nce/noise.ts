/** Noise sources: where the samples come from that targets are told apart from. */

import type { Step } from "../kernels/step.ts";
import type { Tensor } from "../kernels/tensor.ts";

/** A distribution q over classes that can be drawn from and evaluated. */
export interface NoiseSource extends Disposable {
  /** V, the number of classes. */
  readonly numClasses: number;
  /** [V] q of each class. */
  readonly probabilities: Float64Array;
  /** Ids drawn independently with replacement, in a tensor of this shape. */
  draw(step: Step, shape: readonly number[]): Tensor;
  /** ln q of each id, in the shape of `ids`. */
  logProb(step: Step, ids: Tensor): Tensor;
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
