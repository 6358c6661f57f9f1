/** IndexLinear in float64: scores of targets and noise, and the losses over them. */

import { indexScore } from "./linear.ts";
import { crossEntropy, nceLoss, sampledLoss } from "./losses.ts";
import type { Oracle } from "./oracle.ts";

/** One evaluation's constants. */
export interface IndexLinearProblem {
  readonly lossType: "full" | "nce" | "sampled" | "mix";
  readonly training: boolean;
  /** E */
  readonly width: number;
  /** [N] */
  readonly target: ArrayLike<number>;
  /** [K] ids that all rows share, or [N, K]. */
  readonly noise: ArrayLike<number>;
  /** K */
  readonly noiseRatio: number;
  /** [V] ln q */
  readonly logProb: ArrayLike<number>;
  readonly normTerm: number;
}

/** The losses [N] of x [N, E], weight [V, E] and bias [V]. */
export function indexLinear(problem: IndexLinearProblem): Oracle {
  const { lossType, training, width, target, noiseRatio, logProb, normTerm } = problem;
  if (lossType === "full") return crossEntropy(target, width);
  const rows = target.length, shared = problem.noise.length === noiseRatio;
  const noise = Uint32Array.from(
    { length: rows * noiseRatio },
    (_, i) => problem.noise[shared ? i % noiseRatio : i]!,
  );
  const of = (ids: ArrayLike<number>) => Float64Array.from(ids, (id) => logProb[id]!);
  const logProbs = { target: of(target), noise: of(noise) };
  const nce = nceLoss(logProbs, normTerm), sampled = sampledLoss(logProbs);
  const unnormalized: Oracle = (score) => ({
    output: score.map((s) => normTerm - s),
    backward: (d) => [d.map((x) => -x), new Float64Array(noise.length)],
  });
  const losses = {
    nce: training ? [nce] : [unnormalized],
    sampled: [sampled],
    mix: [nce, sampled],
  }[lossType];
  return (...inputs) => {
    const targetScore = indexScore(target, 1, width)(...inputs);
    const noiseScore = indexScore(noise, noiseRatio, width)(...inputs);
    const parts = losses.map((loss) => loss(targetScore.output, noiseScore.output));
    return {
      output: targetScore.output.map((_, n) => meanOf(parts.map((part) => part.output[n]!))),
      backward: (dLoss) => {
        const flows = parts.map((part) => part.backward(dLoss));
        const dScore = (which: number) =>
          flows[0]![which]!.map((_, i) => meanOf(flows.map((flow) => flow[which]![i]!)));
        const dTarget = targetScore.backward(dScore(0)), dNoise = noiseScore.backward(dScore(1));
        return dTarget.map((gradient, i) => gradient.map((d, j) => d + dNoise[i]![j]!));
      },
    };
  };
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}
