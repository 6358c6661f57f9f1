/** A batch on the GPU, and a model's losses of it. */

import type { Step, Tensor } from "../../mod.ts";
import type { Communicator } from "../../kernels/mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import type { Batch } from "../data/row_batch.ts";
import type { WordModel } from "./model.ts";

/** The ids and resets of a batch on the GPU, [T, B]; `targets` take the place of its own. */
export function uploadIds(
  step: Step,
  batch: Batch,
  targets: Uint32Array = batch.target,
): Record<"input" | "target" | "resets", Tensor> {
  const shape = [batch.steps, batch.batchSize];
  return {
    input: step.upload(batch.input, shape),
    target: step.upload(targets, shape),
    resets: step.upload(batch.resets, shape),
  };
}

/**
 * The loss of each place of a batch, [T * B], and the states behind it; it starts from `states`, zero if there
 * are none. All ranks call it, each with a part of the batch or a batch of its own.
 */
export async function lossesOf(
  step: Step,
  model: WordModel,
  batch: Batch,
  communicator: Communicator,
  states: readonly Tensor[] = [],
): Promise<{ loss: Tensor; states: readonly Tensor[] }> {
  const { input, target, resets } = uploadIds(step, batch);
  await model.fetch(step, communicator, input, target);
  return model.forward(step, input, target, { states, resets });
}

/** The same with their mean over the batch's tokens, [1]. */
export async function meanLossOf(
  ...given: Parameters<typeof lossesOf>
): Promise<{ mean: Tensor; states: readonly Tensor[] }> {
  // Uploaded before the first launch, where a write costs least.
  const [step, , batch] = given, weights = uploadWeights(step, batch);
  const { loss, states } = await lossesOf(...given);
  return { mean: weightedSum(step, loss, weights), states };
}

/**
 * What each loss [T * B] counts for in the mean over a batch's tokens: nothing where nothing is predicted.
 */
export function uploadWeights(step: Step, { mask, tokens }: Batch): Tensor {
  const count = Math.max(1, tokens); // a rank's part may have none
  return step.upload(mask.map((real) => real / count));
}
