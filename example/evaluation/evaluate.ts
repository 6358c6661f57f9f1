/** Scores of a language model on a text: exact ones, or its loss. */

import type { Gpu, Step, Tensor } from "../../mod.ts";
import { ALONE, type Communicator } from "../../kernels/mod.ts";
import { type Batch, elementsOf } from "../data/row_batch.ts";
import { perplexity, type TokenScores } from "./card.ts";
import { lossesOf, meanLossOf, uploadIds } from "../model/batch_loss.ts";
import { CarriedStates } from "../model/carried_states.ts";
import { CollectedNumbers, tokensOf } from "./collected.ts";
import type { WordModel } from "../model/model.ts";
import { overShards, rowsOfShard } from "./over_shards.ts";
import type { EvaluationKind } from "../options/evaluation_kind.ts";
import type { Bar } from "../shared/progress.ts";
import { Ranks } from "../shared/ranks.ts";
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
export interface ScoringWatch {
  /** Who shares the work, batch by batch; this process alone unless given. */
  readonly ranks?: Ranks;
  /** Stops the work with {@linkcode Stopped}. */
  readonly stop?: StopFlag;
  /** Advances by one per batch. */
  readonly bar?: Pick<Bar, "step">;
  /** Noise that a batch shares is the same for all, so that no loss depends on a sentence's neighbours. */
  readonly sameNoise?: boolean;
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
  watch: ScoringWatch = {},
): Promise<Evaluation> {
  const { communicator } = watch.ranks ?? new Ranks();
  const found = await numbersOf(gpu, model, batches, watch, 2, async (step, batch, before) => {
    const { input, target, resets } = uploadIds(step, batch, rowsOfShard(model, batch.target));
    await model.fetch(step, communicator, input);
    const normalized = model.normalize(step, input, target, { states: before, resets });
    return { numbers: [normalized.score, normalized.logZ], states: normalized.states };
  });
  const target = tokensOf(batches, (batch) => batch.target);
  const own = { target, score: found[0]!, logZ: found[1]! }, { shard } = model;
  const scores = shard ? await overShards(shard, communicator, own) : own;
  return { ppl: perplexity(scores), tokens: target.length, scores };
}

/**
 * The loss of each token, in the order of `batches`: the model's loss outside training.
 *
 * @throws {Stopped} If a stop is requested.
 */
export async function evaluateTokens(
  gpu: Gpu,
  model: WordModel,
  batches: readonly Batch[],
  watch: ScoringWatch = {},
): Promise<Float32Array> {
  const { communicator } = watch.ranks ?? new Ranks();
  const [losses] = await numbersOf(gpu, model, batches, watch, 1, async (step, batch, before) => {
    const { loss, states } = await lossesOf(step, model, batch, communicator, before);
    return { numbers: [loss], states };
  });
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
  watch: ScoringWatch = {},
): Promise<{ loss: number; tokens: number }> {
  const { communicator } = watch.ranks ?? new Ranks(), among = dividersOf(model, watch);
  using losses = gpu.tensor([batches.length]);
  await forEachBatch(gpu, batches, among, watch, async (step, batch, states, i) => {
    const { mean, states: last } = await meanLossOf(step, model, batch, communicator, states);
    gpu.copy(mean, losses, { toStart: i });
    return last;
  });
  const means = await gpu.readFloats(losses);
  await among.sum(means); // the other ranks have zeros
  const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0);
  return {
    loss: batches.reduce((sum, batch, i) => sum + batch.tokens * means[i]!, 0) / tokens,
    tokens,
  };
}

/**
 * Makes the criterion compute an evaluation's loss, until the result is disposed of.
 *
 * @throws {RangeError} If its noise cannot draw so many samples.
 */
export function setLoss(
  criterion: WordModel["criterion"],
  kind: Exclude<EvaluationKind, "full">,
): Disposable {
  const { lossType, noiseRatio } = criterion;
  if (typeof kind === "object") criterion.noiseRatio = kind.sampled; // first, as it may throw
  if (kind !== "loss") criterion.lossType = kind === "nce" ? "nce" : "sampled";
  return {
    [Symbol.dispose]() {
      Object.assign(criterion, { lossType, noiseRatio });
    },
  };
}

/** The numbers that `score` gives for a batch, `count` tensors [T * B], of every token on all ranks. */
async function numbersOf(
  gpu: Gpu,
  model: WordModel,
  batches: readonly Batch[],
  watch: ScoringWatch,
  count: number,
  score: (step: Step, batch: Batch, before: readonly Tensor[]) => Promise<
    { numbers: readonly Tensor[]; states: readonly Tensor[] }
  >,
): Promise<readonly Float32Array[]> {
  const among = dividersOf(model, watch);
  using collected = new CollectedNumbers(gpu, batches, count);
  await forEachBatch(gpu, batches, among, watch, async (step, batch, before, i) => {
    const { numbers, states } = await score(step, batch, before);
    await collected.push(i, ...numbers);
    return states;
  });
  const all = await collected.take();
  for (const numbers of all) await among.sum(numbers); // the other ranks have zeros
  return all;
}

/** Who divides the batches: nobody if tables are divided, as each rank then has scores of other words. */
function dividersOf({ shard }: WordModel, { ranks = new Ranks() }: ScoringWatch): Communicator {
  return shard ? ALONE : ranks.communicator;
}

/** The numbers of each rank's batches: a batch goes to the rank with the least to do, or that of the one it continues. */
function divide(batches: readonly Batch[], ranks: number): readonly (readonly number[])[] {
  const elements = new Array<number>(ranks).fill(0);
  const numbers = elements.map((): number[] => []);
  let owner = 0;
  for (const [i, batch] of batches.entries()) {
    if (!batch.continues) owner = elements.indexOf(Math.min(...elements));
    elements[owner]! += elementsOf(batch);
    numbers[owner]!.push(i);
  }
  return numbers;
}

/**
 * Calls `score` for each batch of this rank in order, with its number; it returns the states that the next one
 * may start from. Ranks take a batch each at a time, and stop together.
 */
async function forEachBatch(
  gpu: Gpu,
  batches: readonly Batch[],
  { rank, size }: Communicator,
  { stop, bar, sameNoise = false, ranks = new Ranks() }: ScoringWatch,
  score: (step: Step, batch: Batch, states: readonly Tensor[], i: number) => Promise<
    readonly Tensor[]
  >,
): Promise<void> {
  const numbers = divide(batches, size);
  using carried = new CarriedStates();
  for (let round = 0; numbers.some((own) => round < own.length); round++) {
    if (stop) await ranks.agree();
    checkStop(stop);
    const i = numbers[rank]![round];
    if (i !== undefined) {
      const batch = batches[i]!;
      {
        using step = gpu.step({ number: sameNoise ? 0 : i });
        const states = await score(step, batch, carried.before(batch), i);
        carried.carry(step, states, batches[i + 1]?.continues ?? false);
      }
      await gpu.keepUp();
    }
    bar?.step(numbers.filter((own) => round < own.length).length);
  }
}
