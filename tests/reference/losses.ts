/** Noise contrastive, sampled softmax and exact cross entropy losses in float64. */

import { linear } from "./linear.ts";
import type { Oracle } from "./oracle.ts";

/** `ln(1 + exp(z))` without overflow. */
export function softplus(z: number): number {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

/** `1 / (1 + exp(-z))` */
export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

/** ln of the sum of exponentials. */
export function logSumExp(logits: readonly number[]): number {
  const top = Math.max(...logits);
  return top + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0));
}

/** ln q of the targets [N], and of their noise: [K] shared by all rows, or [N, K]. */
export interface NoiseLogProbs {
  readonly target: ArrayLike<number>;
  readonly noise: ArrayLike<number>;
}

/** Sum of the row losses' derivatives: a loss whose rows are independent. */
function rowLoss(
  logProbs: NoiseLogProbs,
  loss: (target: number, noise: number[]) => { loss: number; dTarget: number; dNoise: number[] },
): Oracle {
  return (target, noise) => {
    const rows = target.length, count = noise!.length / rows;
    const shared = logProbs.noise.length === count;
    const evaluated = Array.from(target, (score, n) => {
      const logits = Array.from({ length: count }, (_, i) => {
        const at = n * count + i;
        return noise![at]! - logProbs.noise[shared ? i : at]!;
      });
      return loss(score - logProbs.target[n]!, logits);
    });
    return {
      output: Float64Array.from(evaluated, (row) => row.loss),
      backward: (dLoss) => [
        Float64Array.from(evaluated, (row, n) => dLoss[n]! * row.dTarget),
        Float64Array.from(evaluated.flatMap((row, n) => row.dNoise.map((d) => dLoss[n]! * d))),
      ],
    };
  };
}

/** Binary noise contrastive estimation of scores: target [N] and noise [N, K] to a loss [N]. */
export function nceLoss(logProbs: NoiseLogProbs, normTerm: number): Oracle {
  return rowLoss(logProbs, (target, noise) => {
    const shift = normTerm + Math.log(noise.length);
    return {
      loss: softplus(shift - target) + noise.reduce((sum, z) => sum + softplus(z - shift), 0),
      dTarget: -sigmoid(shift - target),
      dNoise: noise.map((z) => sigmoid(z - shift)),
    };
  });
}

/** Sampled softmax of scores: target [N] and noise [N, K] to a loss [N]. */
export function sampledLoss(logProbs: NoiseLogProbs): Oracle {
  return rowLoss(logProbs, (target, noise) => {
    const all = logSumExp([target, ...noise]);
    return {
      loss: all - target,
      dTarget: Math.exp(target - all) - 1,
      dNoise: noise.map((z) => Math.exp(z - all)),
    };
  });
}

/** `ln((1 / K) sum exp(l))` of the noise's logits, from noise scores [N, K] to [N]; targets play no part. */
export function logPartition(logProbs: NoiseLogProbs): Oracle {
  return rowLoss(logProbs, (_, noise) => {
    const all = logSumExp(noise);
    return {
      loss: all - Math.log(noise.length),
      dTarget: 0,
      dNoise: noise.map((z) => Math.exp(z - all)),
    };
  });
}

/** How much of softmax cross entropy and of ln Z there is in a loss. */
export interface SoftmaxParts {
  readonly loss: number;
  readonly logZ: number;
}

/** `parts.loss (ln Z - s(target)) + parts.logZ ln Z` [rows] of scores [rows, classes]. */
export function softmaxLoss(
  targets: ArrayLike<number>,
  classes: number,
  parts: SoftmaxParts = { loss: 1, logZ: 0 },
): Oracle {
  return (scores) => {
    const logZ = Float64Array.from(targets, (_, n) => {
      const row = scores!.subarray(n * classes, (n + 1) * classes);
      const top = row.reduce((most, s) => Math.max(most, s), -Infinity);
      return top + Math.log(row.reduce((sum, s) => sum + Math.exp(s - top), 0));
    });
    const own = (n: number) => scores![n * classes + targets[n]!]!;
    return {
      output: logZ.map((z, n) => parts.loss * (z - own(n)) + parts.logZ * z),
      backward: (d) => [
        scores!.map((score, i) => {
          const n = Math.floor(i / classes), isOwn = i % classes === targets[n]!;
          const dLogZ = (parts.loss + parts.logZ) * Math.exp(score - logZ[n]!);
          return d[n]! * (dLogZ - (isOwn ? parts.loss : 0));
        }),
      ],
    };
  };
}

/** {@linkcode softmaxLoss} of `x weight^T + bias`, x [rows, width], weight [classes, width]: [rows]. */
export function crossEntropy(
  targets: ArrayLike<number>,
  width: number,
  parts?: SoftmaxParts,
): Oracle {
  return (x, weight, bias) => {
    const rows = targets.length, classes = bias!.length;
    const scores = linear(rows, width, classes)(x!, weight!, bias!);
    const { output, backward } = softmaxLoss(targets, classes, parts)(scores.output);
    return { output, backward: (d) => scores.backward(backward(d)[0]!) };
  };
}
