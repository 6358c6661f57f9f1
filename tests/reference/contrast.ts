/** Every loss of NCELoss in float64, from its definition, for any scorer: values only, no gradients. */

import { logSumExp, softplus } from "./losses.ts";

/** One evaluation's constants. */
export interface Contrast {
  readonly lossType: "full" | "nce" | "sampled" | "mix" | "neg";
  /** V */
  readonly classes: number;
  /** [N] */
  readonly target: ArrayLike<number>;
  /** Ids [K] that all rows share, or [N, K]. */
  readonly noise: ArrayLike<number>;
  /** K */
  readonly count: number;
  /** ln q, in the shape of `noise`. */
  readonly noiseLogProb: ArrayLike<number>;
  /** [N] ln q of the targets. */
  readonly targetLogProb: ArrayLike<number>;
  /** k, the number of samples that count. */
  readonly samples: number;
  /** Column of row 0 that holds its own target and does not count; row n's is n further on. */
  readonly ownSlot?: number | undefined;
  /** Whether samples that equal the target do not count in `sampled`. */
  readonly removeHits?: boolean | undefined;
  /** alpha of the penalty alpha (ln Z - c)^2; but in `full`, Z is estimated from the noise. */
  readonly selfNorm?: number | undefined;
}

/** The training losses [N] of the scores `s(n, y)` with norm term c. */
export function contrastLosses(
  contrast: Contrast,
  s: (n: number, y: number) => number,
  c: number,
): Float64Array {
  return Float64Array.from(contrast.target, (_, n) => lossOfRow(contrast, n, s, c));
}

function lossOfRow(
  contrast: Contrast,
  n: number,
  s: (n: number, y: number) => number,
  c: number,
): number {
  const { lossType, classes, count, samples, ownSlot, removeHits, selfNorm = 0 } = contrast;
  const own = contrast.target[n]!, ownLogProb = contrast.targetLogProb[n]!;
  if (lossType === "full") {
    const exact = logSumExp(Array.from({ length: classes }, (_, y) => s(n, y)));
    return exact - s(n, own) + selfNorm * (exact - c) ** 2;
  }
  const perRow = contrast.noise.length !== count;
  const drawn = Array.from({ length: count }, (_, i) => {
    const at = perRow ? n * count + i : i;
    return { y: contrast.noise[at]!, logProb: contrast.noiseLogProb[at]! };
  }).filter((_, i) => ownSlot === undefined || i !== ownSlot + n);
  const nce = () => {
    const G = (y: number, logProb: number) => s(n, y) - c - logProb - Math.log(samples);
    return softplus(-G(own, ownLogProb)) + sum(drawn.map((d) => softplus(G(d.y, d.logProb))));
  };
  const sampled = () => {
    const counted = drawn.filter(({ y }) => !(removeHits && y === own));
    const logits = counted.map(({ y, logProb }) => s(n, y) - logProb);
    return logSumExp([s(n, own) - ownLogProb, ...logits]) - (s(n, own) - ownLogProb);
  };
  const losses = {
    nce,
    sampled,
    mix: () => (nce() + sampled()) / 2,
    neg: () => softplus(-s(n, own)) + sum(drawn.map(({ y }) => softplus(s(n, y)))),
  };
  const logZ = logSumExp(drawn.map((d) => s(n, d.y) - c - d.logProb)) - Math.log(samples);
  return losses[lossType]() + selfNorm * logZ ** 2;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, x) => total + x, 0);
}
