/** Exact perplexity of a language model. */

import { type Gpu, type Step, type Tensor, weightedSum } from "../mod.ts";
import type { Batch } from "./batches.ts";
import { Losses } from "./losses.ts";
import type { LanguageModel } from "./model.ts";

/** What an evaluation finds. */
export interface Evaluation {
  /** exp of the mean negative log probability of a token. */
  readonly ppl: number;
  /** Number of predicted tokens, the end of each sentence included. */
  readonly tokens: number;
}

/** The ids of a batch on the GPU, [T, B], and each token's weight in the batch's mean loss, [T * B]. */
export function uploadBatch(
  step: Step,
  batch: Batch,
): Record<"input" | "target" | "weight", Tensor> {
  const shape = [batch.steps, batch.batchSize];
  return {
    input: step.upload(batch.input, shape),
    target: step.upload(batch.target, shape),
    weight: step.upload(batch.mask.map((real) => real / batch.tokens)),
  };
}

/** Perplexity over all tokens of `batches`, normalised over the whole vocabulary. */
export async function evaluate(
  gpu: Gpu,
  model: LanguageModel,
  batches: Iterable<Batch>,
): Promise<Evaluation> {
  using losses = new Losses(gpu);
  const { lossType } = model.criterion;
  model.criterion.lossType = "full";
  try {
    for (const batch of batches) {
      evaluateBatch(gpu, model, batch, losses);
      await gpu.keepUp();
    }
  } finally {
    model.criterion.lossType = lossType;
  }
  const { mean, tokens } = await losses.take();
  return { ppl: Math.exp(mean), tokens };
}

function evaluateBatch(gpu: Gpu, model: LanguageModel, batch: Batch, losses: Losses): void {
  using step = gpu.step();
  const { input, target, weight } = uploadBatch(step, batch);
  const { loss } = model.forward(step, input, target);
  losses.push(weightedSum(step, loss, weight), batch.tokens);
}
