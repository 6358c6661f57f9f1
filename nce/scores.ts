/** Scores of targets and of their noise: checks, samples that do not count, and losses. */

import { add, affine, scale } from "../kernels/elementwise/arithmetic.ts";
import { fill } from "../kernels/elementwise/fill.ts";
import { subtractScalar } from "../kernels/elementwise/subtract_scalar.ts";
import { nceLoss, type NoiseScores, sampledLoss } from "../kernels/loss/noise_loss.ts";
import { exclude } from "../kernels/loss/noise_scores.ts";
import type { Step } from "../kernels/autograd/step.ts";
import { expectObject } from "../kernels/device/expect.ts";
import { expectShape, type Tensor } from "../kernels/device/tensor.ts";
import type { LossType } from "./nce_options.ts";
import type { Noise, NoiseSource } from "./noise/noise.ts";

/** Scores of the targets and of their noise. */
export interface Scores {
  /** [N] */
  readonly target: Tensor;
  /** [N, K] */
  readonly noise: Tensor;
}

/**
 * How many rows `input` has: [..., width], or elements if there is no width. Throws a TypeError unless they are
 * one a target, if these are given.
 */
export function inputRows(
  input: Tensor,
  width: number | undefined,
  target: Tensor | undefined,
  expected = `${target ? `${target.size} ` : ""}rows of ${width}`,
): number {
  const fits = width === undefined || input.shape.at(-1) === width, size = width ?? 1;
  const rows = target?.size ?? input.size / size;
  if (fits && input.size === rows * size) return rows;
  const what = target ? ` for ${rows} targets` : "";
  throw new TypeError(`Cannot score [${input.shape}]${what}: expected ${expected}`);
}

/** Throws a TypeError unless there is such a loss of scores in training, or out of it, by this noise. */
export function expectContrast(lossType: LossType, training: boolean, noise: NoiseSource): void {
  if (lossType === "mix" && !training) {
    throw new TypeError('Cannot evaluate loss "mix": it is for training only');
  }
  if (lossType === "sampled" || noise.independent) return;
  throw new TypeError(
    `Cannot compute loss "${lossType}": it needs independent noise; this is for "sampled"`,
  );
}

/** Throws a TypeError unless `op` has given a score for each of `target` [N] and of its noise. */
export function expectScores(op: string, scores: Scores, target: Tensor, { ids }: Noise): void {
  expectObject(`run ${op}`, "what it gave", scores, "an object of scores");
  const N = target.size, K = ids.shape[ids.shape.length - 1]!;
  expectShape(op, "the target's score", scores.target, [N]);
  expectShape(op, "the noise's score", scores.noise, [N, K]);
}

/** The scores and their log probabilities; with `removeHits`, samples that equal their target are taken out. */
export function countedScores(
  step: Step,
  target: Tensor,
  noise: Noise,
  scores: Scores,
  removeHits: boolean,
): NoiseScores {
  const { logProb, targetLogProb, samples, ownSlot } = noise;
  const counted = ownSlot === undefined && !removeHits ? scores.noise : exclude(
    step,
    scores.noise,
    { target, noise: noise.ids },
    { hits: removeHits, ...(ownSlot !== undefined && { ownSlot }) },
  );
  const { target: score } = scores;
  return { target: score, noise: counted, noiseLogProb: logProb, targetLogProb, samples };
}

/** `a` minus the norm term. */
export function shifted(step: Step, a: Tensor, normTerm: number | Tensor): Tensor {
  return typeof normTerm === "number"
    ? affine(step, a, 1, -normTerm)
    : subtractScalar(step, a, normTerm);
}

/** `-(s(target) - c)` [N], the negative log probability that a self-normalised model assigns. */
export function unnormalized(step: Step, score: Tensor, normTerm: number | Tensor): Tensor {
  if (typeof normTerm === "number") return affine(step, score, -1, normTerm);
  return scale(step, shifted(step, score, normTerm), -1);
}

/** The scores minus the norm term. */
export function shiftedScores(
  step: Step,
  scores: NoiseScores,
  normTerm: number | Tensor,
): NoiseScores {
  const [target, noise] = [scores.target, scores.noise].map((a) => shifted(step, a, normTerm));
  return { ...scores, target: target!, noise: noise! };
}

/** The loss [N] of scores with this norm term, by the formulas of NCELoss. */
export function contrast(
  step: Step,
  lossType: Exclude<LossType, "full">,
  scores: NoiseScores,
  normTerm: number | Tensor,
): Tensor {
  const nce = () =>
    typeof normTerm === "number"
      ? nceLoss(step, scores, normTerm)
      : nceLoss(step, shiftedScores(step, scores, normTerm), 0);
  switch (lossType) {
    case "nce":
      return nce();
    case "sampled":
      return sampledLoss(step, scores); // the norm term cancels in a softmax
    case "mix":
      return scale(step, add(step, nce(), sampledLoss(step, scores)), 0.5);
    case "neg": {
      // Zeros, not q times 0: of a class without noise, ln q is infinite.
      const zero = step.upload(Float32Array.of(0));
      const noiseLogProb = fill(step, scores.noiseLogProb, zero);
      const targetLogProb = fill(step, scores.targetLogProb, zero);
      return nceLoss(step, { ...scores, noiseLogProb, targetLogProb, samples: 1 }, 0);
    }
  }
}
