/** Exact expectations of sampled losses: every target and every list of noise samples, with its probability. */

import type { Oracle } from "./oracle.ts";

/** Every (target, k samples), target from p and samples from q. */
export interface Draws {
  /** k */
  readonly samples: number;
  /** [R] */
  readonly target: Uint32Array;
  /** [R, k] */
  readonly noise: Uint32Array;
  /** [R]; they sum to 1. */
  readonly probability: Float64Array;
}

/** Positive probabilities of `n` classes, proportional to `weights` of Philox-like randomness. */
export function distribution(weights: ArrayLike<number>): Float64Array {
  const total = Array.from(weights).reduce((sum, w) => sum + w, 0);
  return Float64Array.from(weights, (w) => w / total);
}

/** All R = V^(k + 1) draws of a target from `p` and `k` independent samples from `q`. */
export function enumerate(p: Float64Array, q: Float64Array, k: number): Draws {
  const classes = p.length, rows = classes ** (k + 1);
  const target = new Uint32Array(rows), noise = new Uint32Array(rows * k);
  const probability = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let rest = Math.floor(row / classes);
    target[row] = row % classes;
    probability[row] = p[target[row]!]!;
    for (let i = 0; i < k; i++, rest = Math.floor(rest / classes)) {
      const id = rest % classes;
      noise[row * k + i] = id;
      probability[row]! *= q[id]!;
    }
  }
  return { samples: k, target, noise, probability };
}

/** What is not as in theory. */
export interface Deviation {
  /** Samples that equal the target are left out. */
  removeHits?: boolean;
}

/** Losses [R] of `oracle` for `scores` [V] on every draw, and the expected gradient [V] of the scores. */
export function expectation(
  { samples, target, noise, probability }: Draws,
  scores: Float64Array,
  oracle: Oracle,
  { removeHits = false }: Deviation = {},
): { losses: Float64Array; gradient: Float64Array } {
  const { output, backward } = oracle(
    Float64Array.from(target, (y) => scores[y]!),
    Float64Array.from(
      noise,
      (y, i) => removeHits && y === target[Math.floor(i / samples)] ? -Infinity : scores[y]!,
    ),
  );
  const [dTarget, dNoise] = backward(probability);
  const gradient = new Float64Array(scores.length);
  dTarget!.forEach((d, row) => gradient[target[row]!]! += d);
  dNoise!.forEach((d, i) => gradient[noise[i]!]! += d);
  return { losses: output, gradient };
}
