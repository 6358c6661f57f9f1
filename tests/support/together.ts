/** Complete training runs by ranks in one process. */

import { loadCorpus } from "../../example/data/corpus.ts";
import { type Given, parseSettings } from "../../example/options/settings.ts";
import { atRank } from "../../example/shared/io.ts";
import { shardOf } from "../../example/shared/ranks.ts";
import { makeModel } from "../../example/storage/checkpoint.ts";
import { train } from "../../example/training/train.ts";
import { ranksInProcess } from "../../kernels/mod.ts";
import { Gpu } from "../../mod.ts";
import { captureIo } from "./capture_io.ts";

/** Trains by `size` ranks, each on a device of its own; returns what rank 0 prints. */
export async function trainTogether(given: Given, size: number): Promise<string[]> {
  const settings = parseSettings({ ...given, train: true }), corpus = await loadCorpus(settings);
  const io = captureIo();
  await Promise.all(
    ranksInProcess(size).map(async (communicator, rank) => {
      await using gpu = await Gpu.create();
      using model = makeModel(
        gpu,
        settings,
        corpus.vocabulary,
        shardOf(settings, communicator, corpus.vocabulary.size),
      );
      await train(gpu, settings, corpus, model, atRank(io, rank), communicator);
    }),
  );
  return io.outLines;
}
