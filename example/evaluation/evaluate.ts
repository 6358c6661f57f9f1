/** Scores of a language model on a text: exact ones, or its loss. */

import type { Gpu, Step, Tensor } from "../../mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import { type Batch, placesOf } from "../data/row_batch.ts";
import { perplexity, type TokenScores } from "./card.ts";
import { CarriedStates } from "../model/carried_states.ts";
import { Losses } from "./losses.ts";
import type { WordModel } from "../model/model.ts";
import type { Bar } from "../shared/progress.ts";
import { checkStop, type StopFlag } from "../shared/stop.ts";

/** What an exact evaluation finds. */
export interface Evaluation {
  /** exp of the mean negative log probability of a token. */
  readonly ppl: number;
  /** Number of predicted tokens, the end of each sentence included. */
  readonly tokens: number;
  /** The exact scores of every token. */
  readonly scores: TokenScores;
}

/** Who looks on while a text is scored. */
export interface Watch {
  /** Ends the work with {@linkcode Stopped}. */
  readonly stop?: StopFlag;
  /** Is moved by a batch at a time. */
  readonly bar?: Bar;
}

/** Tokens whose scores wait on the GPU until they are read. */
const WAITING = 2 ** 18;

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
  using collected = new CollectedScores(gpu, batches);
  await forEachBatch(gpu, batches, watch, (step, batch, states) => {
    const { input, target, resets } = uploadIds(step, batch);
    const normalized = model.normalize(step, input, target, { states, resets });
    collected.push(normalized.score, normalized.logZ);
    return normalized.states;
  }, () => collected.makeRoom());
  const scores = await collected.take();
  return { ppl: perplexity(scores), tokens: scores.target.length, scores };
}

/**
 * The mean loss of a token, whatever the model's loss is outside training.
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

/** Scores one batch after another with `score`, which gives the states that the next one may begin with. */
async function forEachBatch(
  gpu: Gpu,
  batches: readonly Batch[],
  { stop, bar }: Watch,
  score: (step: Step, batch: Batch, states: readonly Tensor[]) => readonly Tensor[],
  after: () => void | Promise<void> = () => {},
): Promise<void> {
  using carried = new CarriedStates();
  for (const [number, batch] of batches.entries()) {
    checkStop(stop);
    {
      using step = gpu.step({ number });
      carried.carry(step, score(step, batch, carried.before(batch)), batches[number + 1]);
    }
    await gpu.keepUp();
    await after();
    bar?.step();
  }
}

/** The scores of batches, which are read from the GPU some at a time; padding is left out. */
class CollectedScores implements Disposable {
  readonly #gpu: Gpu;
  readonly #batches: readonly Batch[];
  readonly #waiting: readonly Tensor[];
  readonly #found: { target: Uint32Array; score: Float32Array; logZ: Float32Array };
  /** Batches that were pushed, and the first of them that is not read yet. */
  #pushed = 0;
  #read = 0;
  #cells = 0;
  #tokens = 0;

  constructor(gpu: Gpu, batches: readonly Batch[]) {
    this.#gpu = gpu;
    this.#batches = batches;
    const most = batches.reduce((most, batch) => Math.max(most, placesOf(batch)), 1);
    const all = batches.reduce((sum, batch) => sum + placesOf(batch), 0);
    const room = Math.max(most, Math.min(all, WAITING));
    this.#waiting = [gpu.tensor([room]), gpu.tensor([room])];
    const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0);
    this.#found = {
      target: new Uint32Array(tokens),
      score: new Float32Array(tokens),
      logZ: new Float32Array(tokens),
    };
  }

  /** Takes the scores of the next batch. */
  push(score: Tensor, logZ: Tensor): void {
    [score, logZ].forEach((from, i) => {
      this.#gpu.copy(from, this.#waiting[i]!, { toStart: this.#cells, count: from.size });
    });
    this.#cells += placesOf(this.#batches[this.#pushed++]!);
  }

  /** Reads what waits, unless the next batch has room beside it. */
  async makeRoom(): Promise<void> {
    const next = this.#batches[this.#pushed];
    if (next && this.#cells + placesOf(next) > this.#waiting[0]!.size) await this.#readWaiting();
  }

  /** All scores. */
  async take(): Promise<TokenScores> {
    await this.#readWaiting();
    return this.#found;
  }

  async #readWaiting(): Promise<void> {
    const [scores, logZs] = this.#waiting, { target, score, logZ } = this.#found;
    const [someScores, someLogZs] = [
      await this.#gpu.readFloats(scores!),
      await this.#gpu.readFloats(logZs!),
    ];
    let cell = 0;
    for (const batch of this.#batches.slice(this.#read, this.#pushed)) {
      const { mask, target: targets } = batch;
      for (let i = 0; i < mask.length; i++, cell++) {
        if (mask[i] !== 1) continue;
        target[this.#tokens] = targets[i]!;
        score[this.#tokens] = someScores[cell]!;
        logZ[this.#tokens++] = someLogZs[cell]!;
      }
    }
    this.#read = this.#pushed;
    this.#cells = 0;
  }

  [Symbol.dispose](): void {
    for (const tensor of this.#waiting) tensor.dispose();
  }
}
