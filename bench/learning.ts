/** Training with the exact perplexity of another text at several points; only training is timed. */

import { evaluationBatches, trainingBatches } from "../example/data/batches.ts";
import type { Corpus } from "../example/data/corpus.ts";
import type { Batch } from "../example/data/row_batch.ts";
import type { Sentences } from "../example/data/sentences.ts";
import { selfNormalization } from "../example/evaluation/card.ts";
import { evaluate } from "../example/evaluation/evaluate.ts";
import { Losses } from "../example/evaluation/losses.ts";
import { normTermOf, type WordModel } from "../example/model/model.ts";
import type { Settings } from "../example/options/options.ts";
import { makeModel } from "../example/model/make_model.ts";
import { Trainer } from "../example/training/trainer.ts";
import type { Gpu } from "../mod.ts";

/** What is learned from, and with which words. */
export type TrainingText = Pick<Corpus, "train" | "vocabulary">;

/** How long to train: until one of the two is used up. */
export interface Budget {
  /** Tokens to predict; the text is repeated as needed. */
  readonly tokens: number;
  /** Seconds of training. */
  readonly seconds: number;
}

/** The model at some point of training. */
export interface Point {
  /** Tokens predicted so far. */
  readonly tokens: number;
  /** Seconds of training so far, without evaluations. */
  readonly seconds: number;
  /** Exact perplexity; `null` if it is not finite. */
  readonly ppl: number | null;
  /** Standard deviation of ln Z. */
  readonly stdLogZ: number | null;
}

/** The parts of a run; the model may be evaluated after each. */
const STAGES = 10;
/**
 * Divides the learning rate after each stage: it halves every two. A run then ends near its best, and a start
 * that is too high, as short trials prefer it, does less harm.
 */
const LR_DECAY = Math.SQRT2;

/**
 * Trains a new model until the budget is used up, or the perplexity is no longer finite.
 *
 * @returns The model after each stage on `watched`, or with `endOnly` after the last.
 */
export async function learn(
  gpu: Gpu,
  text: TrainingText,
  settings: Settings,
  { budget, watched, endOnly = false }: {
    readonly budget: Budget;
    readonly watched: Sentences;
    readonly endOnly?: boolean;
  },
): Promise<Point[]> {
  using model = makeModel(gpu, settings, text.vocabulary);
  using trainer = new Trainer(gpu, model, { ...settings, lrDecay: LR_DECAY });
  using losses = new Losses(gpu);
  const points: Point[] = [];
  let tokens = 0, stage = 0, before = 0, start = performance.now();
  const seconds = () => before + (performance.now() - start) / 1000;
  for (const batch of batchesOf(text.train, settings)) {
    await trainer.step(batch, losses);
    tokens += batch.tokens;
    await gpu.keepUp();
    const part = Math.max(tokens / budget.tokens, seconds() / budget.seconds);
    const reached = Math.min(STAGES, Math.floor(part * STAGES));
    if (reached === stage) continue;
    while (stage < reached) trainer.decayLr(), stage++;
    if (endOnly && stage < STAGES) continue;
    await gpu.finish();
    before = seconds();
    points.push({ tokens, seconds: before, ...await measure(gpu, model, watched) });
    if (stage === STAGES || points.at(-1)!.ppl === null) break;
    start = performance.now();
  }
  return points;
}

/** The batches of epoch after epoch. */
function* batchesOf(train: TrainingText["train"], settings: Settings): Generator<Batch> {
  for (let epoch = 1;; epoch++) yield* trainingBatches(train, settings, epoch);
}

async function measure(
  gpu: Gpu,
  model: WordModel,
  watched: Sentences,
): Promise<Pick<Point, "ppl" | "stdLogZ">> {
  const { ppl, scores } = await evaluate(gpu, model, evaluationBatches(watched));
  const { std } = selfNormalization(scores, await normTermOf(gpu, model));
  const finite = (value: number) => Number.isFinite(value) ? value : null;
  return { ppl: finite(ppl), stdLogZ: finite(std) };
}

/** A learning rate and what came of it. */
export interface Trial {
  readonly lr: number;
  /** Perplexity, `Infinity` if training diverged. */
  readonly ppl: number;
}

/**
 * The best learning rate, by steps of a factor of two from `start` as long as the perplexity falls.
 *
 * @returns All that were tried, the best first.
 */
export async function climb(
  start: number,
  pplAt: (lr: number) => Promise<number>,
): Promise<Trial[]> {
  const tried = new Map<number, number>();
  const at = async (lr: number) => {
    if (!tried.has(lr)) tried.set(lr, await pplAt(lr));
    return tried.get(lr)!;
  };
  let best = start;
  for (const factor of [2, 1 / 2]) {
    while (await at(best * factor) < await at(best)) best *= factor;
  }
  return [...tried].map(([lr, ppl]) => ({ lr, ppl })).sort((a, b) => a.ppl - b.ppl);
}
