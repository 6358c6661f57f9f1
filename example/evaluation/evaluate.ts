/** Scores of a language model on a text: exact ones, or its loss. */

import type { Gpu, Step, Tensor } from "../../mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import type { Batch } from "../data/row_batch.ts";
import { perplexity, type TokenScores } from "./card.ts";
import { CarriedStates } from "../model/carried_states.ts";
import { CollectedNumbers, tokensOf } from "./collected.ts";
import { Losses } from "./losses.ts";
import type { WordModel } from "../model/model.ts";
import type { Bar } from "../shared/progress.ts";
import { checkStop, type StopFlag } from "../shared/stop.ts";

/** Result of an exact evaluation. */
export interface Evaluation {
  /** exp of the mean negative log probability of a token. */
  readonly ppl: number;
  /** Number of predicted tokens, the end of each sentence included. */
  readonly tokens: number;
  /** The exact scores of every token. */
  readonly scores: TokenScores;
}

/** Observers of scoring. */
export interface Watch {
  /** Stops the work with {@linkcode Stopped}. */
  readonly stop?: StopFlag;
  /** Advances by one per batch. */
  readonly bar?: Pick<Bar, "step">;
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

/**
 * Exact scores of all tokens of `batches`, normalised over the whole vocabulary.
 *
 * @throws {Stopped} If a stop is requested.
 */
export async function evaluate(
  gpu: Gpu,
  model: WordModel,
  batches: readonly Batch[],
  watch: Watch = {},
): Promise<Evaluation> {
  using collected = new CollectedNumbers(gpu, batches, 2);
  await forEachBatch(gpu, batches, watch, (step, batch, states) => {
    const { input, target, resets } = uploadIds(step, batch);
    const normalized = model.normalize(step, input, target, { states, resets });
    collected.push(normalized.score, normalized.logZ);
    return normalized.states;
  }, () => collected.makeRoom());
  const [score, logZ] = await collected.take();
  const target = tokensOf(batches, (batch) => batch.target);
  const scores = { target, score: score!, logZ: logZ! };
  return { ppl: perplexity(scores), tokens: target.length, scores };
}

/**
 * The loss of each token, in the order of `batches`: the model's loss outside training.
 *
 * @param watch With `sameNoise`, noise that a batch shares is the same for all batches, so that no
 *   sentence's loss depends on its neighbours.
 * @throws {Stopped} If a stop is requested.
 */
export async function evaluateTokens(
  gpu: Gpu,
  model: WordModel,
  batches: readonly Batch[],
  watch: Watch & { readonly sameNoise?: boolean } = {},
): Promise<Float32Array> {
  using collected = new CollectedNumbers(gpu, batches, 1);
  await forEachBatch(gpu, batches, watch, (step, batch, states) => {
    const { input, target, resets } = uploadIds(step, batch);
    const { loss, states: last } = model.forward(step, input, target, { states, resets });
    collected.push(loss);
    return last;
  }, () => collected.makeRoom());
  const [losses] = await collected.take();
  return losses!;
}

/**
 * The mean loss per token: the model's loss outside training.
 *
 * @throws {Stopped} If a stop is requested.
 */
export async function evaluateLoss(
  gpu: Gpu,
  model: WordModel,
  batches: readonly Batch[],
  watch: Watch = {},
): Promise<{ loss: number; tokens: number }> {
  using losses = new Losses(gpu);
  await forEachBatch(gpu, batches, watch, (step, batch, states) => {
    const { input, target, resets } = uploadIds(step, batch);
    const { loss, states: last } = model.forward(step, input, target, { states, resets });
    losses.push(weightedSum(step, loss, uploadWeight(step, batch)), batch.tokens);
    return last;
  });
  const { mean, tokens } = await losses.take();
  return { loss: mean, tokens };
}

/** Calls `score` for each batch in order; it returns the states that the next one may start from. */
async function forEachBatch(
  gpu: Gpu,
  batches: readonly Batch[],
  { stop, bar, sameNoise = false }: Watch & { readonly sameNoise?: boolean },
  score: (step: Step, batch: Batch, states: readonly Tensor[]) => readonly Tensor[],
  after: () => void | Promise<void> = () => {},
): Promise<void> {
  using carried = new CarriedStates();
  for (const [i, batch] of batches.entries()) {
    checkStop(stop);
    {
      using step = gpu.step({ number: sameNoise ? 0 : i });
      const states = score(step, batch, carried.before(batch));
      carried.carry(step, states, batches[i + 1]?.continues ?? false);
    }
    await gpu.keepUp();
    await after();
    bar?.step();
  }
}
