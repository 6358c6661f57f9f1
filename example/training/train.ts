/** Training from the first epoch to the test of the best model. */

import packageConfig from "../../deno.json" with { type: "json" };
import type { Gpu } from "../../mod.ts";
import { ALONE, type Communicator } from "../../kernels/mod.ts";
import { format as formatBytes } from "@std/fmt/bytes";
import { configOf } from "../options/config.ts";
import { adapterLine } from "../shared/adapter.ts";
import { Epochs, evaluationBatches } from "../data/batches.ts";
import { BestModel } from "../storage/best_model.ts";
import {
  type Checkpoint,
  checkpointPath,
  type Hashes,
  hashesOf,
  openCheckpoint,
} from "../storage/checkpoint_file.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { Corpus } from "../data/corpus.ts";
import { Diverged, divergence } from "./diverged.ts";
import { dryRun } from "./dry_run.ts";
import { checkWritable, writeFileAtomically, writeTextAtomically } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { lockModel } from "../storage/lock.ts";
import { Metrics, NO_RECORD, type RewindableMetrics } from "../storage/metrics.ts";
import { modelPath } from "../storage/open_model.ts";
import type { WordModel } from "../model/model.ts";
import { formatCount, formatDuration, formatLoss, formatNumber } from "../shared/format.ts";
import { summarize } from "./summary.ts";
import { configPath, MODEL_FOLDER, type Settings, trainsPerplexity } from "../options/settings.ts";
import { Ranks } from "../shared/ranks.ts";
import { stopAfter, stopOnSignal, Stopped, tellOfStop } from "../shared/stop.ts";
import { TensorBoard } from "../storage/tensorboard.ts";
import { Trainer } from "./trainer.ts";
import { validate } from "./validate.ts";
import { frequencyLines } from "../data/word_counts.ts";

/** Input of a training run. */
interface Run {
  readonly gpu: Gpu;
  readonly settings: Settings;
  readonly corpus: Corpus;
  readonly epochs: Epochs;
  readonly hashes: Hashes;
  readonly model: WordModel;
  readonly io: Io;
  readonly metrics: RewindableMetrics;
  readonly best: BestModel;
  readonly ranks: Ranks;
}

/**
 * Trains `model`, keeps it after each epoch that improves the validation, and tests the best one. With
 * `--resume`, training continues from the last checkpoint, if there is one. Of several ranks, which train
 * together over `communicator`, rank 0 alone writes and prints.
 *
 * @param epochs Those of the training text, of which the first may be packed already.
 * @throws {UsageError} If a run is resumed with a change to a fixed option.
 * @throws {Failure} If the run cannot be resumed on this text, if training diverges (after the test of the
 *   best model so far), or if the best model cannot be saved.
 */
export async function train(
  gpu: Gpu,
  settings: Settings,
  corpus: Corpus,
  model: WordModel,
  io: Io,
  communicator: Communicator = ALONE,
  epochs: Epochs = new Epochs(corpus.train, settings),
): Promise<void> {
  const { save, evaluation } = settings, { vocabulary } = corpus, isFirst = communicator.rank === 0;
  const hashes = hashesOf(corpus), beside = { vocabulary, settings };
  using files = isFirst ? openFiles(settings, corpus, hashes, io) : undefined;
  const metrics = files?.metrics ?? NO_RECORD;
  const best = new BestModel(gpu, model, save, beside, io, communicator);
  const own: Io = communicator.size === 1 ? io : { ...io, err() {} }; // ranks tell when all stop
  using stop = stopOnSignal(own);
  using _deadline = stopAfter(settings.maxMinutes, stop, own);
  const ranks = new Ranks(communicator, stop);
  await ranks.expectSame(commonOf(gpu, settings, hashes));
  const run: Run = { gpu, settings, corpus, epochs, hashes, model, io, metrics, best, ranks };
  const diverged = await trainEpochs(run, files?.checkpoint);
  if (ranks.stop.requeued && !diverged) return await best.settle();
  stop.requested = true; // from here on, the first signal ends the program at once, without waiting for the test
  const failure = diverged && divergence(diverged, settings, vocabulary.size);
  if (failure && !best.best) throw failure;
  if (failure) io.err(`diverged    ${diverged.message}: the test is of the best model before`);
  if (best.best) {
    await best.restore();
    io.out(`testing     ${best.description}`);
  } else io.out("testing     the model as it is: no epoch was completed");
  await summarize(gpu, { model, corpus, evaluation, metrics, io, ranks: new Ranks(communicator) });
  io.detail(`memory      ${formatBytes(gpu.memory.peakBytes)} at most on the GPU`);
  if (isFirst) await best.settle();
  if (failure) throw failure;
}

/** What the run writes, in place; a checkpoint if it is to be resumed. */
function openFiles(settings: Settings, corpus: Corpus, hashes: Hashes, io: Io) {
  const { save } = settings;
  using opened = new DisposableStack();
  opened.use(lockModel(save));
  checkWritable(modelPath(save));
  checkWritable(checkpointPath(save));
  const checkpoint = settings.resume ? openCheckpoint(settings) : undefined;
  if (checkpoint) opened.use(checkpoint);
  checkpoint?.expectText(hashes);
  writeTextAtomically(`${MODEL_FOLDER}/${save}.freq.txt`, frequencyLines(corpus.occurrences));
  const config = configOf(settings);
  writeFileAtomically(configPath(save), JSON.stringify(config, null, 2) + "\n");
  io.detail(`settings    ${JSON.stringify(config)}`);
  const board = settings.tbName === null ? undefined : new TensorBoard(settings, io);
  const metrics = new Metrics(save, io, MODEL_FOLDER, board), disposable = opened.move();
  return { checkpoint, metrics, [Symbol.dispose]: () => disposable.dispose() };
}

/** What ranks that train together must have in common. */
export function commonOf(gpu: Gpu, settings: Settings, hashes: Hashes) {
  return [
    { what: "version", value: packageConfig.version, hint: "install the same one everywhere" },
    { what: "adapter", value: adapterLine(gpu), hint: "ranks need the same adapter and driver" },
    { what: "settings", value: JSON.stringify(settings), hint: "start all with the same options" },
    { what: "text", value: JSON.stringify(hashes), hint: "give all the same --data and --vocab" },
  ];
}

/** State carried from one epoch to the next. */
interface Loop {
  readonly trainer: Trainer;
  readonly checkpoints: Checkpoints;
  /** Milliseconds of the last validation; 0 before the first. */
  validationMs: number;
}

/** Trains all epochs, or those before a stop; returns the divergence, if one ended them. */
async function trainEpochs(
  run: Run,
  checkpoint: Checkpoint | undefined,
): Promise<Diverged | undefined> {
  const { gpu, settings, corpus, epochs, hashes, model, io, metrics, best, ranks } = run;
  using trainer = new Trainer(gpu, model, settings, ranks);
  await dryRun(
    gpu,
    model,
    epochs.at(1),
    evaluationBatches(corpus.valid),
    settings.audit > 0,
    ranks.communicator,
  );
  const texts = { settings, hashes };
  const checkpoints = new Checkpoints({ gpu, trainer, best, metrics, texts, io, ranks });
  const state = await ranks.fromFirst(checkpoint?.state ?? null);
  await (state ? checkpoints.resume(state, checkpoint) : checkpoints.begin());
  best.tellOfBefore();
  if (trainer.steps === 0) recordStart(run);
  try {
    await trainUntilStop(run, { trainer, checkpoints, validationMs: 0 });
  } catch (error) {
    io.live("");
    if (error instanceof Diverged) return error;
    throw error;
  }
  return undefined;
}

/** The first line of the record, the same whether the run is resumed or not. */
function recordStart({ gpu, settings, corpus, metrics }: Run): void {
  const { resume: _, ...config } = settings, { seed } = settings;
  const adapter = adapterLine(gpu), vocabulary = corpus.vocabulary.size;
  const tuning = gpu.family === "hardware" && { tuning: gpu.tuning };
  metrics.write({ event: "start", config, adapter, ...tuning, vocabulary, seed });
}

/** Trains the remaining epochs, or those before a stop, which writes a checkpoint. */
async function trainUntilStop(run: Run, loop: Loop): Promise<void> {
  const { trainer, checkpoints } = loop, { settings, io, ranks } = run;
  try {
    while (trainer.epoch <= settings.epochs && isPatient(run, trainer)) await trainEpoch(run, loop);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    io.live("");
    if (ranks.communicator.size > 1) tellOfStop(io, ranks.stop);
    if (await checkpoints.write()) {
      io.out(`checkpoint  ${checkpoints.path}: --resume goes on from there`);
    }
  }
}

/** Whether `--patience` leaves room for another epoch; says so if it does not. */
function isPatient({ settings: { patience }, best: { best }, io }: Run, trainer: Trainer): boolean {
  const done = trainer.epoch - 1;
  if (patience === null || done - (best?.epoch ?? 0) < patience) return true;
  io.out(`patience    ends training: epoch ${best!.epoch} was the best of ${done}`);
  return false;
}

/** Trains one epoch, or the rest of it, and validates. */
async function trainEpoch(run: Run, loop: Loop): Promise<void> {
  const { gpu, settings, corpus, model, io, metrics, best, ranks } = run;
  const { trainer, checkpoints } = loop, { epoch } = trainer;
  const start = performance.now();
  const batches = run.epochs.at(epoch);
  const beforeBatch = () => checkpoints.writeIfDue();
  const watch = { validationMs: loop.validationMs, io, metrics, beforeBatch };
  const { loss, tokensPerSecond } = await trainer.trainEpoch(batches, watch);
  const trained = performance.now();
  const validation = await validate(gpu, model, corpus, io, ranks);
  const { kind, measure, text, fields, card } = validation;
  const end = performance.now(), seconds = (end - start) / 1000;
  loop.validationMs = end - trained;
  metrics.write({
    event: "epoch",
    epoch,
    step: trainer.steps,
    seconds,
    trainLoss: loss,
    ...fields,
    ...(card && { selfNormalization: card }),
    lr: trainer.lr,
    tokensPerSecond,
  });
  if (!Number.isFinite(measure)) {
    throw new Diverged("the validation's score", { step: trainer.steps, epoch });
  }
  const isBetter = best.isBetter(validation);
  if (!isBetter) trainer.decayLr();
  trainer.nextEpoch();
  let outcome = "kept";
  if (isBetter) {
    const found = { epoch, validation: { kind, measure }, ...(card && { card }) };
    if (await checkpoints.keepBest(found)) outcome = `saved ${best.path}`;
  } else {
    outcome = `lr now ${formatNumber(trainer.optimizer.lr)}`;
    await checkpoints.write();
  }
  io.out(
    `epoch ${epoch}/${settings.epochs}: train ${formatLoss(loss, trainsPerplexity(settings))}, ` +
      `valid ${text}, ${formatDuration(end - start)}, ${formatCount(tokensPerSecond)} tokens/s, ` +
      outcome,
  );
}
