/** The new model that training and profiling start from. */

import { ALONE } from "../../kernels/mod.ts";
import { describeOptimizer } from "../training/optimizer.ts";
import type { Job } from "../training/run.ts";
import { scoredBatches } from "../data/batches.ts";
import {
  boundsOf,
  checkEvaluation,
  checkModel,
  checkTraining,
  largestShape,
} from "../model/checks.ts";
import {
  checkMemory,
  describeNeeds,
  type MemoryNeeds,
  memoryOfTraining,
  totalBytes,
} from "../model/memory.ts";
import { labelled } from "../shared/format.ts";
import { freeMemory } from "../shared/memory.ts";
import { describeModel } from "./describe.ts";
import { makeModel } from "../model/make_model.ts";
import { modeOf } from "../options/effects.ts";
import { validationKind } from "../options/evaluation_kind.ts";
import { shardOf } from "../shared/ranks.ts";
import type { WordModel } from "../model/model.ts";

/** Memory that is told of although nobody asked. */
const MUCH_BYTES = 1e9;

/**
 * Makes a new model and prints its description; the caller owns it.
 *
 * @throws {Failure} If the device cannot hold the model or its training; nothing is allocated by then.
 */
export function newModel(job: Job): WordModel {
  const { gpu, settings, corpus, io } = job;
  checkSizes(job);
  const needs = needsOf(job);
  const tell = totalBytes(needs) < MUCH_BYTES ? io.detail : io.out;
  tell(labelled("memory", `needs ${describeNeeds(needs)}`));
  const shard = shardOf(settings, job.communicator ?? ALONE, corpus.vocabulary.size);
  const model = makeModel(gpu, settings, corpus.vocabulary, shard);
  io.out(labelled("model", describeModel(settings, corpus.vocabulary.size)));
  io.out(labelled("optimizer", describeOptimizer(settings)));
  return model;
}

/**
 * Checks from sizes alone that the device holds the model, its training and its evaluations.
 *
 * @throws {Failure} If it does not.
 */
export function checkSizes(job: Omit<Job, "io">): void {
  const { gpu, settings, corpus, epochs } = job;
  const { vocabulary, train, valid, test } = corpus, { concat, evaluation } = settings;
  const bounds = boundsOf(gpu, vocabulary.size);
  checkModel(settings, bounds);
  checkMemory(needsOf(job), freeMemory(gpu), settings);
  const batch = epochs.at(1).largest();
  checkTraining(settings, bounds, largestShape(train, batch, concat));
  if (modeOf(settings) === "profile") return;
  const planned = [[valid, validationKind(settings)], [test, evaluation]] as const;
  for (const [text, kind] of planned) {
    const batches = scoredBatches(text, kind, settings);
    checkEvaluation(settings, bounds, { saved: false, batches, kind });
  }
}

/** What a process's training takes, on the largest of its batches. */
function needsOf(
  { gpu, settings, corpus: { vocabulary }, epochs, communicator = ALONE }: Omit<Job, "io">,
): MemoryNeeds {
  const shard = shardOf(settings, communicator, vocabulary.size);
  const { steps, batchSize } = epochs.at(1).largest();
  const targets = steps * Math.ceil(batchSize / communicator.size);
  return memoryOfTraining(settings, vocabulary.size, gpu, shard, targets);
}
