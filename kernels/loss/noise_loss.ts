/** The losses of noise contrastive estimation and of sampled softmax, from scores. */

import { expectFinite, expectObject, expectPositive } from "../device/expect.ts";
import type { Launch } from "../device/launch.ts";
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
  /** k, if some of the K samples do not count (see {@linkcode exclude}); K unless given. */
  readonly samples?: number;
}

type Common = Pick<Launch, "source" | "inputs" | "uniform" | "constants">;

/** Checks the shapes and gives what all launches of a loss share. */
function prepare(step: Step, op: string, scores: NoiseScores, shift = () => 0): Common {
  expectObject(`run ${op}`, "scores", scores, "an object");
  const { target, noise, targetLogProb, noiseLogProb, samples = 1 } = scores;
  expectFloats(op, step, { target, noise, targetLogProb, noiseLogProb });
  expectPositive(`run ${op}`, "samples", samples);
  const rows = target.shape[0]!, count = noise.size / rows;
  expectShape(op, "target", target, [rows]);
  expectShape(op, "noise", noise, [rows, count]);
  expectShape(op, "targetLogProb", targetLogProb, [rows]);
  const perRow = noiseLogProb.shape.length === 2;
  expectShape(op, "noiseLogProb", noiseLogProb, perRow ? [rows, count] : [count]);
  return {
    source,
    inputs: [target, noise, targetLogProb, noiseLogProb],
    uniform: { rows, count, shift: shift() },
    constants: { PER_ROW: perRow ? 1 : 0, THREADS: step.gpu.rowThreads },
  };
}

/** ln k of `scores`. */
function logSamples({ noise, samples }: NoiseScores): number {
  return Math.log(samples ?? noise.shape[1]!);
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
  const common = prepare(step, "nceLoss", scores, () => normTerm + logSamples(scores));
  const [rows, count] = [scores.noise.shape[0]!, scores.noise.shape[1]!];
  const output = step.tensor([rows]);
  step.gpu.dispatch({ ...common, label: "nceLoss", entry: "nce", outputs: [output], grid: rows });
  return step.record({
    name: "nceLoss",
    inputs: [scores.target, scores.noise],
    output,
    backward: (dLoss) => {
      const outputs = [step.tensor([rows]), step.tensor([rows, count])];
      step.gpu.dispatch({
        ...common,
        label: "nceLoss.backward",
        entry: "dnce",
        inputs: [...common.inputs, dLoss],
        outputs,
        grid: Math.ceil(rows * (count + 1) / 64),
      });
      return outputs;
    },
  });
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
  const common = prepare(step, "sampledLoss", scores);
  const [rows, count] = [scores.noise.shape[0]!, scores.noise.shape[1]!];
  const output = step.tensor([rows]), lse = step.tensor([rows]);
  const outputs = [output, lse];
  step.gpu.dispatch({ ...common, label: "sampledLoss", entry: "sampled", outputs, grid: rows });
  return step.record({
    name: "sampledLoss",
    inputs: [scores.target, scores.noise],
    output,
    backward: (dLoss) => {
      const outputs = [step.tensor([rows]), step.tensor([rows, count])];
      step.gpu.dispatch({
        ...common,
        label: "sampledLoss.backward",
        entry: "dsampled",
        inputs: [...common.inputs, dLoss, lse],
        outputs,
        grid: Math.ceil(rows * (count + 1) / 64),
      });
      return outputs;
    },
  });
}

/**
 * `ln Z^` [N] with `Z^ = 1/k sum_i exp(s(noise_i)) / q(noise_i)`, an unbiased estimate of the partition
 * function from the noise alone; its log is biased low.
 */
export function logPartition(step: Step, scores: NoiseScores): Tensor {
  const common = prepare(step, "logPartition", scores, () => logSamples(scores));
  const [rows, count] = [scores.noise.shape[0]!, scores.noise.shape[1]!];
  const output = step.tensor([rows]);
  const outputs = [output];
  step.gpu.dispatch({
    ...common,
    label: "logPartition",
    entry: "noise_partition",
    outputs,
    grid: rows,
  });
  return step.record({
    name: "logPartition",
    inputs: [scores.noise],
    output,
    backward: (dLogZ) => {
      const dNoise = step.tensor([rows, count]);
      step.gpu.dispatch({
        ...common,
        label: "logPartition.backward",
        entry: "dpartition",
        inputs: [...common.inputs, dLogZ, output],
        outputs: [dNoise],
        grid: Math.ceil(rows * count / 64),
      });
      return [dNoise];
    },
  });
}
