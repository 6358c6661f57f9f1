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

/** Computes a loss [N] of the scores by the kernel's `entry`; that of the derivatives begins with a `d`. */
function rowLoss(
  step: Step,
  op: string,
  entry: "nce" | "sampled" | "log_partition",
  scores: NoiseScores,
  normTerm = 0,
): Tensor {
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
  const { gpu } = step, shift = entry === "sampled" ? 0 : normTerm + Math.log(samples);
  expectRounds(op, gpu, "samples", K, 2 * K / gpu.rowThreads);
  const launch = {
    source,
    uniform: { N, K, shift },
    constants: { PER_ROW: perRow ? 1 : 0, THREADS: gpu.rowThreads },
  };
  const inputs = [target, noise, targetLogProb, noiseLogProb];
  const output = step.tensor([N]), logSum = step.tensor([N]);
  gpu.dispatch({ ...launch, label: op, entry, inputs, outputs: [output, logSum], grid: N });
  const of = entry === "log_partition" ? ["noise"] as const : ["target", "noise"] as const;
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
  return rowLoss(step, "nceLoss", "nce", scores, normTerm);
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
  return rowLoss(step, "sampledLoss", "sampled", scores);
}

/**
 * `ln Z^` [N] with `Z^ = 1/k sum_i exp(s(noise_i)) / q(noise_i)`, an unbiased estimate of the partition
 * function from the noise alone; its log is biased low.
 */
export function logPartition(step: Step, scores: NoiseScores): Tensor {
  return rowLoss(step, "logPartition", "log_partition", scores);
}
