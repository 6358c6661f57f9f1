/** The epochs of a run: each is trained, validated and recorded, and its model kept if it is the best so far. */

import { trainsPerplexity } from "../options/settings.ts";
import { adapterLine } from "../shared/adapter.ts";
import {
  formatCount,
  formatDuration,
  formatLoss,
  formatNumber,
  labelled,
} from "../shared/format.ts";
import { Stopped, tellOfStop } from "../shared/stop.ts";
import type { Checkpoint } from "../storage/checkpoint.ts";
import { modelPathOf } from "../storage/open_model.ts";
import { startWeights } from "../storage/start.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Diverged } from "./diverged.ts";
import { dryRun } from "./dry_run.ts";
import type { Run } from "./run.ts";
import { type EpochResult, Trainer } from "./trainer.ts";
import { validate, type Validation } from "./validate.ts";

/** State carried from one epoch to the next. */
interface Loop {
  readonly trainer: Trainer;
  readonly checkpoints: Checkpoints;
  /** Milliseconds of the last validation; 0 before the first. */
  validationMs: number;
}

/**
 * Trains all epochs, or those that a checkpoint leaves, or those before a stop.
 *
 * @returns The divergence, if one ended them.
 */
export async function trainEpochs(
  run: Run,
  checkpoint: Checkpoint | undefined,
): Promise<Diverged | undefined> {
  const { gpu, settings, corpus, model, io, best, ranks } = run;
  const state = await ranks.fromFirst(checkpoint?.state ?? null);
  if (!state && settings.start !== null) {
    await startWeights(gpu, settings, model, corpus.vocabulary, ranks.communicator);
    io.out(labelled("starts", `from the weights of ${modelPathOf(settings.start)}`));
  }
  using trainer = new Trainer(gpu, model, settings, ranks);
  await dryRun(run);
  const checkpoints = new Checkpoints(run, trainer);
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
      io.out(labelled("checkpoint", `${checkpoints.path}: --resume goes on from there`));
    }
  }
}

/** Whether `--patience` leaves room for another epoch; says so if it does not. */
function isPatient({ settings: { patience }, best: { best }, io }: Run, trainer: Trainer): boolean {
  const done = trainer.epoch - 1;
  if (patience === null || done - (best?.epoch ?? 0) < patience) return true;
  io.out(labelled("patience", `ends training: epoch ${best!.epoch} was the best of ${done}`));
  return false;
}

/** Trains one epoch, or the rest of it, and validates. */
async function trainEpoch(run: Run, loop: Loop): Promise<void> {
  const { settings, io, metrics } = run;
  const { trainer, checkpoints, validationMs } = loop, { epoch } = trainer;
  const watch = { validationMs, io, metrics, beforeBatch: () => checkpoints.writeIfDue() };
  const begin = performance.now();
  const trained = await trainer.trainEpoch(run.epochs.at(epoch), watch);
  const between = performance.now();
  const validation = await validate(run);
  const end = performance.now();
  loop.validationMs = end - between;
  recordEpoch(run, trainer, trained, validation, end - begin);
  if (!Number.isFinite(validation.measure)) {
    throw new Diverged("the validation's score", { step: trainer.steps, epoch });
  }
  const outcome = await keepIfBest(run, loop, validation);
  io.out(
    `epoch ${epoch}/${settings.epochs}: ` +
      `train ${formatLoss(trained.loss, trainsPerplexity(settings))}, ` +
      `valid ${validation.text}, ${formatDuration(end - begin)}, ` +
      `${formatCount(trained.tokensPerSecond)} tokens/s, ${outcome}`,
  );
}

/** An epoch's line of the record. */
function recordEpoch(
  { metrics }: Run,
  { epoch, steps: step, lr }: Trainer,
  { loss: trainLoss, tokensPerSecond }: EpochResult,
  { fields, card }: Validation,
  ms: number,
): void {
  metrics.write({
    event: "epoch",
    epoch,
    step,
    seconds: ms / 1000,
    trainLoss,
    ...fields,
    ...(card && { selfNormalization: card }),
    lr,
    tokensPerSecond,
  });
}

/** Ends the epoch: keeps its model if it is the best, else lowers the learning rate; says what it did. */
async function keepIfBest(
  { best }: Run,
  { trainer, checkpoints }: Loop,
  { kind, measure, card }: Validation,
): Promise<string> {
  const { epoch } = trainer, isBest = best.isBetter({ kind, measure });
  if (!isBest) trainer.decayLr();
  trainer.nextEpoch();
  if (!isBest) {
    await checkpoints.write();
    return `lr now ${formatNumber(trainer.optimizer.lr)}`;
  }
  const found = { epoch, validation: { kind, measure }, ...(card && { card }) };
  return await checkpoints.keepBest(found) ? `saved ${best.path}` : "kept";
}
