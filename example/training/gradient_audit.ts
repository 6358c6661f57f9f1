/** Gradient audits of a model on a batch. */

import { type Audit, auditGradient, type AuditOptions, type Gpu, type Tensor } from "../../mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import type { Batch } from "../data/row_batch.ts";
import { uploadIds, uploadWeights } from "../model/batch_loss.ts";
import type { WordModel } from "../model/model.ts";

/** Compares the gradient of the output layer's sampled loss on a batch with the exact one; without dropout. */
export async function auditModel(
  gpu: Gpu,
  model: WordModel,
  batch: Batch,
  options: AuditOptions,
): Promise<Audit> {
  const { criterion } = model;
  using context = contextOf(gpu, model, batch);
  const audit = await auditGradient(gpu, criterion, (step) => {
    const loss = criterion.forward(step, step.upload(batch.target), context);
    return weightedSum(step, loss, uploadWeights(step, batch));
  }, options);
  await criterion.takeHits(); // these do not count
  return audit;
}

/** What the model's output layer scores words from, for each place of a batch; the caller owns it. */
function contextOf(gpu: Gpu, model: WordModel, batch: Batch): Tensor {
  using step = gpu.step();
  const { input, resets } = uploadIds(step, batch);
  return step.keep(model.context(step, input, { resets }).context);
}
