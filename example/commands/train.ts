/** `--train`: trains a new model and tests the best one. */

import { type Job, newModel } from "./job.ts";
import { withMemoryCure } from "../model/memory.ts";
import { train } from "../training/train.ts";

/** Trains and tests. */
export async function trainModel(job: Job): Promise<void> {
  using model = newModel(job);
  const { gpu, settings, corpus, epochs, io, communicator } = job;
  await train(gpu, settings, corpus, model, io, communicator, epochs).catch((error) => {
    throw withMemoryCure(error);
  });
}
