/** The losses of noise contrastive estimation and of sampled softmax, from scores. */

import { expectFinite, expectNames, expectPositive } from "../device/expect.ts";
import { expectRounds } from "../device/rounds.ts";
import source from "./noise_loss.wgsl" with { type: "text" };
import type { Step } from "../autograd/step.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";

/** Scores of N targets and of their K noise samples, with the noise's log probabilities. */
export interface NoiseScores {
  /** [N] Score of each target. */
  readonly target: Tensor;
  /** [N, K] Scores of the noise samples. */
  readonly noise: Tensor;
  /** [N] ln q(target). */
  readonly targetLogProb: Tensor;
  /** ln q(noise): [K] if all rows share the samples, else [N, K]. */
  readonly noiseLogProb: Tensor;
  /** k, the number of samples that count (see {@linkcode exclude}); K unless given. */
  readonly samples?: number;
}

/** A loss of the scores, row by row. */
interface RowLoss {
  /** The operation's name. */
  readonly op: string;
  /** The kernel's entry point; that of the derivatives begins with a `d`. */
  readonly entry: "nce" | "sampled" | "log_partition";
  /** The scores that it depends on; both unless given. */
  readonly of?: readonly ("target" | "noise")[];
  /** The number that is subtracted from all scores, from k. */
  shift(samples: number): number;
}

/** Computes a loss [N] of the scores. */
function rowLoss(step: Step, scores: NoiseScores, loss: RowLoss): Tensor {
  const { op, entry, of = ["target", "noise"] } = loss;
  expectNames(`run ${op}`, "scores", scores, [
    "target",
    "noise",
    "targetLogProb",
    "noiseLogProb",
    "samples",
  ]);
  const { target, noise, targetLogProb, noiseLogProb } = scores;
  expectFloats(op, step, { target, noise, targetLogProb, noiseLogProb });
  const N = target.shape[0]!, K = noise.size / N, { samples = K } = scores;
  expectShape(op, "target", target, [N]);
  expectShape(op, "noise", noise, [N, K]);
  expectShape(op, "targetLogProb", targetLogProb, [N]);
  const perRow = noiseLogProb.shape.length === 2;
  expectShape(op, "noiseLogProb", noiseLogProb, perRow ? [N, K] : [K]);
  expectPositive(`run ${op}`, "samples", samples);
  const { gpu } = step;
  expectRounds(op, gpu, "samples", K, 2 * K / gpu.rowThreads);
  const launch = {
    source,
    uniform: { N, K, shift: loss.shift(samples) },
    constants: { PER_ROW: perRow ? 1 : 0, THREADS: gpu.rowThreads },
  };
  const inputs = [target, noise, targetLogProb, noiseLogProb];
  const output = step.tensor([N]), logSum = step.tensor([N]);
  gpu.dispatch({ ...launch, label: op, entry, inputs, outputs: [output, logSum], grid: N });
  return step.record({
    name: op,
    inputs: of.map((name) => scores[name]),
    output,
    backward: (dLoss) => {
      const gradients = { target: step.tensor([N]), noise: step.tensor([N, K]) };
      gpu.dispatch({
        ...launch,
        label: `${op}.backward`,
        entry: `d${entry}`,
        inputs: [...inputs, dLoss, logSum],
        outputs: [gradients.target, gradients.noise],
        grid: N,
      });
      return of.map((name) => gradients[name]);
    },
  });
}

/**
 * Binary noise contrastive estimation, a loss [N].
 *
 * `G(y) = s(y) - normTerm - ln q(y) - ln k`, `loss = softplus(-G(target)) + sum_i softplus(G(noise_i))`.
 * Consistent if exp(normTerm) is the partition function of every context, which the model learns.
 *
 * Source: Gutmann and Hyvarinen, AISTATS 2010; Mnih and Teh, ICML 2012.
 */
export function nceLoss(step: Step, scores: NoiseScores, normTerm: number): Tensor {
  expectFinite("run nceLoss", "normTerm", normTerm);
  const shift = (k: number) => normTerm + Math.log(k);
  return rowLoss(step, scores, { op: "nceLoss", entry: "nce", shift });
}

/**
 * Sampled softmax with corrected target and samples: with independent samples and hits kept, this is
 * ranking noise contrastive estimation, a loss [N] that is consistent for any k and any partition function.
 *
 * `l(y) = s(y) - ln q(y)`, `loss = logsumexp(l(target), l(noise_1) .. l(noise_K)) - l(target)`.
 *
 * Source: Jean et al., ACL 2015; Ma and Collins, EMNLP 2018.
 */
export function sampledLoss(step: Step, scores: NoiseScores): Tensor {
  return rowLoss(step, scores, { op: "sampledLoss", entry: "sampled", shift: () => 0 });
}

/**
 * `ln Z^` [N] with `Z^ = 1/k sum_i exp(s(noise_i)) / q(noise_i)`, an unbiased estimate of the partition
 * function from the noise alone; its log is biased low.
 */
export function logPartition(step: Step, scores: NoiseScores): Tensor {
  return rowLoss(step, scores, {
    op: "logPartition",
    entry: "log_partition",
    of: ["noise"],
    shift: Math.log,
  });
}
