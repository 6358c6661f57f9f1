/** Gradient audits of a model on a batch. */

import { type Audit, auditGradient, type AuditOptions, type Gpu } from "../../mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import type { Batch } from "../data/row_batch.ts";
import { contextOf, uploadWeight } from "../evaluation/evaluate.ts";
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
    return weightedSum(step, loss, uploadWeight(step, batch));
  }, options);
  await criterion.takeHits(); // these do not count
  return audit;
}
