/** The losses of noise contrastive estimation and of sampled softmax, from scores. */

import source from "./noise_loss.wgsl" with { type: "text" };
import type { Step } from "./step.ts";
import { expectShape, type Tensor } from "./tensor.ts";

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
}

interface Problem {
  readonly inputs: Tensor[];
  readonly rows: number;
  readonly count: number;
  readonly constants: { PER_ROW: number };
}

function check(op: string, scores: NoiseScores): Problem {
  const { target, noise, targetLogProb, noiseLogProb } = scores;
  const rows = target.shape[0]!, count = noise.size / rows;
  expectShape(op, "target", target, [rows]);
  expectShape(op, "noise", noise, [rows, count]);
  expectShape(op, "targetLogProb", targetLogProb, [rows]);
  const perRow = noiseLogProb.shape.length === 2;
  expectShape(op, "noiseLogProb", noiseLogProb, perRow ? [rows, count] : [count]);
  const inputs = [target, noise, targetLogProb, noiseLogProb];
  return { inputs, rows, count, constants: { PER_ROW: perRow ? 1 : 0 } };
}

/**
 * Binary noise contrastive estimation, a loss [N].
 *
 * `G(y) = s(y) - normTerm - ln q(y) - ln K`, `loss = softplus(-G(target)) + sum_i softplus(G(noise_i))`.
 * Consistent if exp(normTerm) is the partition function of every context, which the model learns.
 *
 * Source: Gutmann and Hyvarinen, AISTATS 2010; Mnih and Teh, ICML 2012.
 */
export function nceLoss(step: Step, scores: NoiseScores, normTerm: number): Tensor {
  const { inputs, rows, count, constants } = check("nceLoss", scores);
  const uniform = { rows, count, shift: normTerm + Math.log(count) };
  const output = step.tensor([rows]);
  step.gpu.dispatch({
    label: "nceLoss",
    source,
    entry: "nce",
    constants: { ...constants, LANES: step.gpu.rowLanes },
    inputs,
    outputs: [output],
    uniform,
    grid: rows,
  });
  return step.record({
    name: "nceLoss",
    inputs: [scores.target, scores.noise],
    output,
    backward: (dLoss) => {
      const dScores = [step.tensor([rows]), step.tensor([rows, count])];
      step.gpu.dispatch({
        label: "nceLoss.backward",
        source,
        entry: "dnce",
        constants,
        inputs: [...inputs, dLoss],
        outputs: dScores,
        uniform,
        grid: Math.ceil(rows * (count + 1) / 64),
      });
      return dScores;
    },
  });
}

/**
 * Sampled softmax with corrected target and samples, hits kept: ranking noise contrastive
 * estimation, a loss [N] that is consistent for any K and any partition function.
 *
 * `l(y) = s(y) - ln q(y)`, `loss = logsumexp(l(target), l(noise_1) .. l(noise_K)) - l(target)`.
 *
 * Source: Jean et al., ACL 2015; Ma and Collins, EMNLP 2018.
 */
export function sampledLoss(step: Step, scores: NoiseScores): Tensor {
  const { inputs, rows, count, constants } = check("sampledLoss", scores);
  const uniform = { rows, count, shift: 0 };
  const output = step.tensor([rows]), lse = step.tensor([rows]);
  step.gpu.dispatch({
    label: "sampledLoss",
    source,
    entry: "sampled",
    constants: { ...constants, LANES: step.gpu.rowLanes },
    inputs,
    outputs: [output, lse],
    uniform,
    grid: rows,
  });
  return step.record({
    name: "sampledLoss",
    inputs: [scores.target, scores.noise],
    output,
    backward: (dLoss) => {
      const dScores = [step.tensor([rows]), step.tensor([rows, count])];
      step.gpu.dispatch({
        label: "sampledLoss.backward",
        source,
        entry: "dsampled",
        constants,
        inputs: [...inputs, dLoss, lse],
        outputs: dScores,
        uniform,
        grid: Math.ceil(rows * (count + 1) / 64),
      });
      return dScores;
    },
  });
}
