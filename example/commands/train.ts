/** `--train`: trains a new model and tests the best one. */

import { newModel } from "./new_model.ts";
import { withMemoryCure } from "../model/memory.ts";
import type { Job } from "../training/run.ts";
import { train } from "../training/train.ts";

/** Trains and tests. */
export async function trainModel(job: Job): Promise<void> {
  using model = newModel(job);
  await train(job, model).catch((error) => {
    throw withMemoryCure(error, job.settings);
  });
}
