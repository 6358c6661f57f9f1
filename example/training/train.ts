/** Training from the first epoch to the test of the best model. */

import packageConfig from "../../deno.json" with { type: "json" };
import type { Gpu } from "../../mod.ts";
import { ALONE } from "../../kernels/mod.ts";
import { format as formatBytes } from "@std/fmt/bytes";
import type { WordModel } from "../model/model.ts";
import type { Settings } from "../options/options.ts";
import { adapterLine } from "../shared/adapter.ts";
import { labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import { Ranks } from "../shared/ranks.ts";
import { stopAfter, stopOnSignal } from "../shared/stop.ts";
import { BestModel } from "../storage/best_model.ts";
import { type Hashes, hashesOf } from "../storage/checkpoint.ts";
import { NO_RECORD } from "../storage/metrics.ts";
import { withShards } from "../storage/shards.ts";
import { type Diverged, divergence } from "./diverged.ts";
import type { Job, Run } from "./run.ts";
import { openRunFiles } from "./run_files.ts";
import { summarize } from "./summary.ts";
import { trainEpochs } from "./train_epochs.ts";
import { validate } from "./validate.ts";

/**
 * Trains `model`, keeps it after each epoch that improves the validation, and tests the best one. With
 * `--resume`, training continues from the last checkpoint, if there is one. Of several ranks, which train
 * together over the job's communicator, rank 0 alone writes and prints.
 *
 * @throws {UsageError} If a run is resumed with a change to a fixed option.
 * @throws {Failure} If the run cannot be resumed on this text, if training diverges (after the test of the
 *   best model so far), or if the best model cannot be saved.
 */
export async function train(job: Job, model: WordModel): Promise<void> {
  const { gpu, settings, corpus, io, communicator = ALONE } = job, hashes = hashesOf(corpus);
  using files = communicator.rank === 0 ? openRunFiles(job, hashes) : undefined;
  const beside = { vocabulary: corpus.vocabulary, settings };
  const best = new BestModel(gpu, model, settings.save, beside, io, communicator);
  const own: Io = communicator.size === 1 ? io : { ...io, err() {} }; // ranks tell when all stop
  using stop = stopOnSignal(own);
  using _deadline = stopAfter(settings.maxMinutes, stop, own);
  const ranks = new Ranks(communicator, stop);
  await ranks.expectSame(commonOf(gpu, settings, hashes));
  const run = { ...job, model, hashes, ranks, best, metrics: files?.metrics ?? NO_RECORD };
  const diverged = await trainEpochs(run, files?.checkpoint);
  if (ranks.stop.requeued && !diverged) return await best.settle();
  stop.requested = true; // from here on, the first signal ends the program at once, without waiting for the test
  await testBest(run, diverged);
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

/** Tests the best model, of a run that has diverged that of before; this then fails. */
async function testBest(run: Run, diverged: Diverged | undefined): Promise<void> {
  const { gpu, settings, corpus, model, best, io, metrics, ranks: { communicator } } = run;
  const failure = diverged && divergence(diverged, settings, corpus.vocabulary.size);
  if (failure && !best.best) throw failure;
  if (failure) {
    io.err(labelled("diverged", `${diverged.message}: the test is of the best model before`));
  }
  if (best.best) await best.restore();
  io.out(labelled("testing", best.best ? best.description : await keepUnfinished(run)));
  const ranks = new Ranks(communicator);
  await summarize(gpu, { model, corpus, settings, metrics, io, ranks });
  io.detail(labelled("memory", `${formatBytes(gpu.memory.peakBytes)} at most on the GPU`));
  if (ranks.isFirst) await best.settle();
  if (failure) throw failure;
}

/**
 * Keeps the model of a run that has completed no epoch, but for the name of another run's; describes it. No
 * checkpoint knows of it, so that a resumed run goes on as if it had never been stopped.
 */
async function keepUnfinished(run: Run): Promise<string> {
  const { gpu, model, best, ranks: { communicator } } = run;
  const ranks = new Ranks(communicator), what = "the model as it is, as no epoch was completed";
  if (!await ranks.fromFirst(best.isFree)) return `${what}; ${best.path} stays that of another run`;
  const { kind, measure, card } = await validate({ ...run, ranks });
  if (!Number.isFinite(measure)) return `${what}; it is not saved, as its validation is not finite`;
  const found = { epoch: 0, validation: { kind, measure }, ...(card && { card }) };
  const before = () => Promise.resolve();
  await withShards(
    gpu,
    communicator,
    model.parameters(),
    (read) => best.keep(found, before, read),
  );
  return best.description;
}
