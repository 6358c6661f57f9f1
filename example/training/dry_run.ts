/** Runs the largest batches before training, to find out whether they fit the device's memory. */

import { DeviceError, type Gpu, OutOfMemoryError } from "../../mod.ts";
import type { Communicator } from "../../kernels/mod.ts";
import { scoredBatches } from "../data/batches.ts";
import { rankColumns } from "../data/columns.ts";
import type { Batch } from "../data/row_batch.ts";
import { meanLossOf } from "../model/batch_loss.ts";
import { largestBatch } from "../model/checks.ts";
import { withMemoryCure } from "../model/memory.ts";
import { validationKind } from "../options/evaluation_kind.ts";
import { Failure } from "../shared/errors.ts";
import { Ranks } from "../shared/ranks.ts";
import { evaluate, evaluateLoss } from "../evaluation/evaluate.ts";
import type { WordModel } from "../model/model.ts";
import { auditModel } from "./gradient_audit.ts";
import type { Run } from "./run.ts";

/**
 * Runs a training step without an update on the largest batch of the first epoch, an audit of it if there will be
 * some, and an exact evaluation (of the loss for `neg`, which has no probabilities) of the largest batch of the
 * validation. The model does not change; afterwards kernels are compiled and buffers are in the pool.
 *
 * @throws {Failure} If the device runs out of memory, or fails in another way.
 */
export async function dryRun(
  { gpu, model, settings, corpus, epochs, ranks }: Pick<
    Run,
    "gpu" | "model" | "settings" | "corpus" | "epochs" | "ranks"
  >,
): Promise<void> {
  const batch = epochs.at(1).largest(), kind = validationKind(settings);
  try {
    await tryTraining(gpu, model, batch, ranks.communicator);
    await gpu.finish();
    if (settings.audit > 0 && ranks.isFirst) await auditModel(gpu, model, batch, { draws: 2 });
    const evaluated = kind === "loss" ? evaluateLoss : evaluate;
    const largest = largestBatch(scoredBatches(corpus.valid, kind, settings));
    const together = model.shard ? ranks : new Ranks(); // whole tables: each by itself
    await evaluated(gpu, model, [largest], { ranks: together });
    // These hits are not part of the training.
    await model.criterion.takeHits();
  } catch (cause) {
    if (!(cause instanceof DeviceError) || cause instanceof OutOfMemoryError) {
      throw withMemoryCure(cause, settings);
    }
    throw new Failure(
      `Cannot train on this device with batches of ${batch.batchSize} rows of ${batch.steps} words ` +
        `(${cause.message}); try a smaller --batch-size, --bptt, --nhid or --noise-ratio`,
      { cause },
    );
  }
}

async function tryTraining(
  gpu: Gpu,
  model: WordModel,
  batch: Batch,
  communicator: Communicator,
): Promise<void> {
  const { own, part } = rankColumns(batch, communicator.rank, communicator.size);
  using step = gpu.step({ training: true, number: 0, ...(part && { part }) });
  const { mean } = await meanLossOf(step, model, own, communicator);
  step.backward(mean);
}
