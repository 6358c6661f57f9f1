/** A short trial of a run: what its steps and evaluations take, and so the whole run. */

import type { Gpu } from "../../mod.ts";
import { scoredBatches, trainingBatches } from "../data/batches.ts";
import type { Corpus } from "../data/corpus.ts";
import type { Epoch } from "../data/epoch.ts";
import { type Batch, type BatchDimensions, elementsOf, type RowBatch } from "../data/row_batch.ts";
import { evaluate, evaluateLoss } from "../evaluation/evaluate.ts";
import { Losses } from "../evaluation/losses.ts";
import type { WordModel } from "../model/model.ts";
import { validationKind } from "../options/evaluation_kind.ts";
import type { Settings } from "../options/options.ts";
import { formatCount, formatDuration } from "../shared/format.ts";
import type { Ranks } from "../shared/ranks.ts";
import { likelyCure } from "../training/diverged.ts";
import type { Trainer } from "../training/trainer.ts";
import { type Finding, finding } from "./finding.ts";

/** Milliseconds of a trial. */
export const TRIAL_MS = 10_000;
/** The part of them that evaluation gets. */
const EVALUATION_PART = 0.25;
/** Milliseconds that are enough once all of the text was seen. */
const EPOCH_MS = 2000;
/** Steps before the clock starts: the driver compiles kernels in the first ones. */
const WARM_UP = 3;

/** What is tried. */
export interface ProbeOptions {
  readonly gpu: Gpu;
  readonly model: WordModel;
  readonly trainer: Trainer;
  readonly corpus: Corpus;
  readonly settings: Settings;
  /** Who takes each step together, by rank 0's clock: the ranks that have parts of the tables. */
  readonly ranks: Ranks;
  /** Milliseconds that a run takes before its first step. */
  readonly startMs: number;
  /** Milliseconds to spend. */
  readonly trialMs: number;
  /** Receives the milliseconds that have been spent since the last call. */
  readonly onSpent?: (ms: number) => void;
}

/** What a run takes, from the trial. */
export interface Pace {
  /** Training tokens per second. */
  readonly tokensPerSecond: number;
  /** Milliseconds before the first step. */
  readonly startMs: number;
  /** Milliseconds of an epoch's training, of the validation after it, and of the test at the end. */
  readonly epochMs: number;
  readonly validationMs: number;
  readonly testMs: number;
  /** Milliseconds of all that. */
  readonly runMs: number;
  /** The step of the trial, from 1, whose loss was not finite; 0 if all were. */
  readonly divergedAt: number;
}

/** Trains and evaluates for some seconds. The model learns from it: it is no longer new. */
export async function measurePace(options: ProbeOptions): Promise<Pace> {
  const { corpus, settings, startMs, trialMs } = options, begin = performance.now();
  const batches = trainingBatches(corpus.train, settings, 1);
  const orderMs = performance.now() - begin;
  const training = await trainFor(options, batches, (1 - EVALUATION_PART) * trialMs);
  const elementMs = await evaluateFor(options, EVALUATION_PART * trialMs);
  const epochMs = orderMs + training.ms * batches.length / training.batches;
  const validationMs = elementMs * elementsIn(validationBatches(corpus, settings));
  const testMs = elementMs *
    elementsIn(scoredBatches(corpus.test, settings.evaluation, settings));
  const { epochs, maxMinutes } = settings, mostMs = 60_000 * (maxMinutes ?? Infinity);
  return {
    tokensPerSecond: 1000 * training.tokens / training.ms,
    startMs,
    epochMs,
    validationMs,
    testMs,
    runMs: startMs + Math.min(epochs * (epochMs + validationMs), mostMs) + testMs,
    divergedAt: training.firstBad + 1,
  };
}

/** Trains for about `budget` milliseconds. */
async function trainFor(
  { gpu, trainer, ranks, onSpent = () => {} }: ProbeOptions,
  epoch: Epoch,
  budget: number,
): Promise<{ ms: number; batches: number; tokens: number; firstBad: number }> {
  using losses = new Losses(gpu);
  let next = 0;
  const step = async () => {
    const batch = epoch.at(next++ % epoch.length);
    await trainer.step(batch, losses);
    await gpu.keepUp();
    return batch;
  };
  for (let i = 0; i < WARM_UP; i++) await step();
  await gpu.finish();
  const begin = performance.now();
  let batches = 0, tokens = 0, now = begin;
  const isSpent = () => now - begin >= (next > epoch.length ? Math.min(budget, EPOCH_MS) : budget);
  do {
    const batch = await step(), before = now;
    batches++;
    tokens += batch.tokens;
    now = performance.now();
    onSpent(now - before);
  } while (!await ranks.fromFirst(isSpent()));
  await gpu.finish();
  const ms = performance.now() - begin, { firstBad } = await losses.sums();
  return { ms, batches, tokens, firstBad };
}

/** Milliseconds for an element of an evaluated batch: a part of the validation is scored as after an epoch. */
async function evaluateFor(
  { gpu, model, corpus, settings, ranks, onSpent = () => {} }: ProbeOptions,
  budget: number,
): Promise<number> {
  const all = validationBatches(corpus, settings);
  const evaluated = validationKind(settings) === "loss" ? evaluateLoss : evaluate;
  const score = async (batches: readonly Batch[]) => {
    const begin = performance.now();
    await evaluated(gpu, model, batches, { ranks });
    const ms = performance.now() - begin;
    onSpent(ms);
    return ms;
  };
  await score(all.slice(-1)); // compiles
  const one = await score(all.slice(-1));
  const stride = await ranks.fromFirst(Math.max(1, Math.ceil(all.length * one / budget)));
  const some = all.filter((_, i) => i % stride === 0);
  return await score(some) / elementsIn(some);
}

function validationBatches({ valid }: Corpus, settings: Settings): readonly RowBatch[] {
  return scoredBatches(valid, validationKind(settings), settings);
}

function elementsIn(batches: readonly BatchDimensions[]): number {
  return batches.reduce((sum, batch) => sum + elementsOf(batch), 0);
}

/** Whether training went well in the trial; `words` is the size of the vocabulary. */
export function lossFact({ divergedAt }: Pace, settings: Settings, words: number): Finding {
  return finding("settings", "training", {
    text: divergedAt > 0
      ? `its loss is no longer finite at step ${divergedAt} of a trial`
      : "its loss is finite in a trial",
    cure: divergedAt > 0 && `try ${likelyCure(settings, words)}`,
  });
}

/** The pace as a finding. */
export function paceFact(pace: Pace, { epochs, patience, maxMinutes }: Settings): Finding {
  const { tokensPerSecond, startMs, epochMs, validationMs, testMs, runMs } = pace;
  const seconds = (ms: number) => ms < 10_000 ? `${(ms / 1000).toFixed(1)}s` : formatDuration(ms);
  return finding("time", "this run", {
    text: `${seconds(runMs)} for --epochs ${formatCount(epochs)}` +
      (maxMinutes === null ? "" : ` and --max-minutes ${maxMinutes}`) +
      (patience === null ? "" : `, less if --patience ${patience} ends it`) + `: the start ` +
      `${seconds(startMs)}, an epoch ${seconds(epochMs)} at ${formatCount(tokensPerSecond)} ` +
      `tokens/s, its validation ${seconds(validationMs)}, the test ${seconds(testMs)}`,
    figures: {
      tokensPerSecond,
      startSeconds: startMs / 1000,
      epochSeconds: epochMs / 1000,
      validationSeconds: validationMs / 1000,
      testSeconds: testMs / 1000,
      runSeconds: runMs / 1000,
    },
  });
}
