/** Training from the first epoch to the test of the best model. */

import type { Gpu } from "../../mod.ts";
import { adapterLine } from "../shared/adapter.ts";
import { evaluationBatches, trainingBatches } from "../data/batches.ts";
import { BestModel } from "../storage/best_model.ts";
import { saveModel } from "../storage/checkpoint.ts";
import type { Corpus } from "../data/corpus.ts";
import { Diverged, divergence } from "./diverged.ts";
import { dryRun } from "./dry_run.ts";
import { Failure } from "../shared/errors.ts";
import { checkWritable, writeFileAtomically } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { lockModel } from "../storage/lock.ts";
import { Metrics } from "../storage/metrics.ts";
import { modelPath } from "../storage/open_model.ts";
import type { WordModel } from "../model/model.ts";
import { formatCount, formatDuration, formatLoss, formatNumber } from "../shared/progress.ts";
import { summarize } from "./summary.ts";
import { MODEL_FOLDER, type Settings } from "../options/settings.ts";
import { type StopFlag, stopOnSignal, Stopped } from "../shared/stop.ts";
import { Trainer } from "./trainer.ts";
import { validate } from "./validate.ts";
import { frequencyText } from "../data/vocab.ts";

/** What a training run works with. */
interface Run {
  readonly gpu: Gpu;
  readonly settings: Settings;
  readonly corpus: Corpus;
  readonly model: WordModel;
  readonly io: Io;
  readonly metrics: Metrics;
}

/**
 * Trains `model`, keeps it after each epoch that improves the validation, and tests the best one.
 *
 * @throws {Failure} If training diverges, once the best model so far is tested; or if that cannot be saved.
 */
export async function train(
  gpu: Gpu,
  settings: Settings,
  corpus: Corpus,
  model: WordModel,
  io: Io,
): Promise<void> {
  const { save, seed, evaluation } = settings, { vocabulary } = corpus;
  using _lock = lockModel(save);
  checkWritable(modelPath(save));
  writeFileAtomically(`${MODEL_FOLDER}/${save}.freq.txt`, frequencyText(corpus.occurrences));
  const metrics = new Metrics(save, io);
  const start = { config: settings, adapter: adapterLine(gpu), vocabulary: vocabulary.size, seed };
  metrics.write({ event: "start", ...start });
  const run: Run = { gpu, settings, corpus, model, io, metrics };
  const best = new BestModel(gpu, model, modelPath(save), io);
  using stop = stopOnSignal(io);
  const diverged = await trainEpochs(run, best, stop);
  stop.requested = true; // the test is not to be waited for: from here on the first signal ends at once
  const failure = diverged && divergence(diverged, settings, vocabulary.size);
  if (failure && !best.exists) throw failure;
  if (failure) io.err(`${diverged.message}: the test is of the best model before`);
  if (best.exists) {
    best.restore();
    io.out(`testing     ${best.description}`);
  } else await keepInterrupted(run);
  await summarize(gpu, { model, corpus, evaluation, metrics, io });
  await best.settle();
  if (failure) throw failure;
}

/** What goes on from one epoch to the next. */
interface Loop {
  readonly trainer: Trainer;
  readonly best: BestModel;
  readonly stop: StopFlag;
  /** Milliseconds of the last validation; 0 before the first. */
  validationMs: number;
}

/** All epochs, or those before a stop; gives what ended them if it is a divergence. */
async function trainEpochs(
  run: Run,
  best: BestModel,
  stop: StopFlag,
): Promise<Diverged | undefined> {
  const { gpu, settings, model, io } = run;
  using trainer = new Trainer(gpu, model, settings);
  const { train, valid } = run.corpus;
  await dryRun(gpu, model, trainingBatches(train, settings, 1), evaluationBatches(valid));
  const loop: Loop = { trainer, best, stop, validationMs: 0 };
  try {
    for (let epoch = 1; epoch <= settings.epochs; epoch++) await trainEpoch(run, loop, epoch);
  } catch (error) {
    io.live("");
    if (error instanceof Diverged) return error;
    if (!(error instanceof Stopped)) throw error;
  }
  return undefined;
}

/** One epoch and its validation. */
async function trainEpoch(run: Run, loop: Loop, epoch: number): Promise<void> {
  const { gpu, settings, corpus, model, io, metrics } = run, { trainer, best, stop } = loop;
  const start = performance.now(), { lr } = trainer.optimizer;
  const batches = trainingBatches(corpus.train, settings, epoch);
  const watch = { epoch, validationMs: loop.validationMs, io, metrics, stop };
  const { loss, tokensPerSecond } = await trainer.epoch(batches, watch);
  const trained = performance.now();
  const validation = await validate(gpu, model, corpus, io, stop);
  const { measure, text, fields, card } = validation;
  const end = performance.now(), seconds = (end - start) / 1000;
  loop.validationMs = end - trained;
  metrics.write({
    event: "epoch",
    epoch,
    seconds,
    trainLoss: loss,
    ...fields,
    lr,
    tokensPerSecond,
  });
  if (!Number.isFinite(measure)) {
    throw new Diverged("the validation's score", { step: trainer.steps, epoch });
  }
  const { vocabulary } = corpus, beside = { vocabulary, settings, ...(card && { card }) };
  let outcome = "kept";
  if (!best.isBetter(validation)) {
    trainer.optimizer.lr /= settings.lrDecay;
    outcome = `lr now ${formatNumber(trainer.optimizer.lr)}`;
  } else if (await best.keep(epoch, validation, beside)) outcome = `saved ${best.path}`;
  io.out(
    `epoch ${epoch}/${settings.epochs}: train ${formatLoss(loss, settings.loss === "full")}, ` +
      `valid ${text}, ${formatDuration(end - start)}, ${formatCount(tokensPerSecond)} tokens/s, ` +
      outcome,
  );
}

/** A run that is stopped in its first epoch leaves the model under another name. */
async function keepInterrupted({ gpu, settings, corpus, model, io }: Run): Promise<void> {
  const path = modelPath(`${settings.save}.interrupted`);
  try {
    await saveModel(gpu, path, model, { vocabulary: corpus.vocabulary, settings });
    io.out(`No epoch was completed: the model as it is goes to ${path}, and the test is of it`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    io.err(`warning: ${error.message}; the test is of the model as it is`);
  }
}
