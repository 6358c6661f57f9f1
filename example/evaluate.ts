/** Scores of a language model on a text: exact ones, or its loss. */

import { type Gpu, type Step, type Tensor, weightedSum } from "../mod.ts";
import type { Batch } from "./batches.ts";
import { perplexity, type TokenScores } from "./card.ts";
import { Losses } from "./losses.ts";
import type { WordModel } from "./model.ts";

/** What an exact evaluation finds. */
export interface Evaluation {
  /** exp of the mean negative log probability of a token. */
  readonly ppl: number;
  /** Number of predicted tokens, the end of each sentence included. */
  readonly tokens: number;
  /** The exact scores of every token. */
  readonly scores: TokenScores;
}

/** The ids and resets of a batch on the GPU, [T, B]. */
export function uploadIds(
  step: Step,
  batch: Batch,
): Record<"input" | "target" | "resets", Tensor> {
  const shape = [batch.steps, batch.batchSize];
  return {
    input: step.upload(batch.input, shape),
    target: step.upload(batch.target, shape),
    resets: step.upload(batch.resets, shape),
  };
}

/** Each token's weight in the batch's mean loss, [T * B]; 0 where nothing is predicted. */
export function uploadWeight(step: Step, batch: Batch): Tensor {
  return step.upload(batch.mask.map((real) => real / batch.tokens));
}

/** Exact scores of all tokens of `batches`, normalised over the whole vocabulary. */
export async function evaluate(
  gpu: Gpu,
  model: WordModel,
  batches: readonly Batch[],
): Promise<Evaluation> {
  const cells = batches.reduce((sum, batch) => sum + batch.steps * batch.batchSize, 0);
  using scores = gpu.tensor([cells]);
  using logZs = gpu.tensor([cells]);
  let toStart = 0;
  for (const batch of batches) {
    {
      using step = gpu.step();
      const { input, target, resets } = uploadIds(step, batch);
      const { score, logZ } = model.normalize(step, input, target, { resets });
      gpu.copy(score, scores, { toStart });
      gpu.copy(logZ, logZs, { toStart });
    }
    toStart += batch.steps * batch.batchSize;
    await gpu.keepUp();
  }
  const found = realTokens(batches, await gpu.readFloats(scores), await gpu.readFloats(logZs));
  return { ppl: perplexity(found), tokens: found.target.length, scores: found };
}

/** The mean loss of a token, whatever the model's loss is outside training. */
export async function evaluateLoss(
  gpu: Gpu,
  model: WordModel,
  batches: readonly Batch[],
): Promise<{ loss: number; tokens: number }> {
  using losses = new Losses(gpu);
  for (const [number, batch] of batches.entries()) {
    {
      using step = gpu.step({ number });
      const { input, target, resets } = uploadIds(step, batch);
      const { loss } = model.forward(step, input, target, { resets });
      losses.push(weightedSum(step, loss, uploadWeight(step, batch)), batch.tokens);
    }
    await gpu.keepUp();
  }
  const { mean, tokens } = await losses.take();
  return { loss: mean, tokens };
}

/** Leaves out what is only padding. */
function realTokens(
  batches: readonly Batch[],
  score: Float32Array,
  logZ: Float32Array,
): TokenScores {
  const mask = batches.flatMap((batch) => [...batch.mask]);
  const target = batches.flatMap((batch) => [...batch.target]);
  const isReal = (_: number, i: number) => mask[i] === 1;
  return {
    target: Uint32Array.from(target).filter(isReal),
    score: score.filter(isReal),
    logZ: logZ.filter(isReal),
  };
}
