/** Without `--train` and `--prof`: tests a saved model. */

import type { Communicator } from "../../kernels/mod.ts";
import { boundsOf, checkEvaluation } from "../model/checks.ts";
import { describeModel, describeTest } from "./describe.ts";
import { dependsOnBatches, scoredBatches } from "../data/batches.ts";
import { isSynthetic } from "../options/choices.ts";
import { evaluationProblem } from "../options/evaluation_kind.ts";
import type { Settings } from "../options/options.ts";
import { configPath } from "../options/settings.ts";
import { Failure } from "../shared/errors.ts";
import { isFile } from "../shared/files.ts";
import { findModel } from "../storage/open_model.ts";
import { labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import { checkMemory, memoryOfModel } from "../model/memory.ts";
import { freeMemory } from "../shared/memory.ts";
import { loadModel } from "../storage/saved_model.ts";
import { loadTestText } from "../data/corpus.ts";
import { Metrics, NO_RECORD } from "../storage/metrics.ts";
import { Ranks, shardOf } from "../shared/ranks.ts";
import { scoredParts } from "../data/part.ts";
import { openGpu, tellAdapter } from "../storage/open_gpu.ts";
import { tuneGpu } from "./tune_gpu.ts";
import { summarize } from "../training/summary.ts";
import { unknownWarnings } from "../data/unknown.ts";
import { warnOfSamples } from "./samples.ts";

/**
 * Loads the model and reports how well it does on a text. The model file has the vocabulary.
 *
 * @throws {UsageError} If there is no such model or no such text.
 * @throws {Failure} If the model cannot be tested in this way.
 */
export async function testModel(
  settings: Settings,
  io: Io,
  communicator: Communicator,
): Promise<void> {
  const { save, data, evaluation } = settings;
  const { path, vocabulary, settings: own } = findModel(save);
  const problem = evaluationProblem(own, evaluation);
  if (problem !== undefined) throw new Failure(`${path}: ${problem}`);
  const whole = await loadTestText(data, vocabulary, io);
  warnOfSamples(settings, vocabulary.size, io);
  await using gpu = await openGpu(settings);
  tellAdapter(gpu, io);
  const ranks = new Ranks(communicator);
  await tuneGpu(gpu, settings, io, ranks);
  for (const line of describeTest(data, whole)) io.out(line);
  for (const warning of unknownWarnings(whole, { most: cureOf(data) })) io.err(warning);
  const corpus = { ...whole, ...scoredParts(whole, settings.evalTokens) };
  const asTrained = { ...settings, ...own };
  checkEvaluation(asTrained, boundsOf(gpu, vocabulary.size), {
    kind: evaluation,
    batches: scoredBatches(corpus.test, evaluation, asTrained),
    saved: true,
  });
  warnOfBatches(asTrained, io);
  const shard = shardOf(settings, communicator, vocabulary.size);
  if (shard && evaluation === "loss" && own.loss === "full") {
    throw new Failure(
      `${path}: --shard-tables needs --evaluation full for this model's exact loss`,
    );
  }
  if (shard && own.tableDtype === "f16") {
    throw new Failure(`${path}: --shard-tables divides tables of f32, and this model's are f16`);
  }
  checkMemory(memoryOfModel(own, vocabulary.size, shard), freeMemory(gpu));
  const { model } = loadModel(gpu, path, vocabulary, shard);
  using _model = model;
  io.out(labelled("model", `${path}: ${describeModel(own, vocabulary.size)}`));
  const metrics = communicator.rank === 0 ? new Metrics(save, io) : NO_RECORD;
  await summarize(gpu, { model, corpus, settings: asTrained, metrics, io, ranks });
}

/** Warns if the loss depends on the batches of training, and nothing tells what they were. */
function warnOfBatches(settings: Settings, io: Io): void {
  const { save, evaluation, batchSize } = settings, path = configPath(save);
  if (!dependsOnBatches(evaluation, settings) || isFile(path)) return;
  io.err(
    `warning: there is no ${path} with the batches of training: the loss is that of batches of ` +
      `--batch-size ${batchSize}; restore it, or say by --config what they were`,
  );
}

/** What to do if the model knows few words of the text `data`. */
function cureOf(data: string): string {
  return isSynthetic(data)
    ? `give the folder of the model's text by --data: ${data} is a made-up language`
    : "give a text of the model's own kind by --data";
}
