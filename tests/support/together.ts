/** Complete training runs by ranks in one process. */

import { Epochs } from "../../example/data/batches.ts";
import { loadCorpus } from "../../example/data/corpus.ts";
import type { Given } from "../../example/options/option.ts";
import { parseSettings } from "../../example/options/settings.ts";
import { atRank } from "../../example/shared/io.ts";
import { shardOf } from "../../example/shared/ranks.ts";
import { makeModel } from "../../example/model/make_model.ts";
import { startWords } from "../../example/storage/start.ts";
import { train } from "../../example/training/train.ts";
import { captureIo } from "./capture_io.ts";
import { onRanks } from "./ranks.ts";

/** Trains by `size` ranks, each on a device of its own; returns what rank 0 prints. */
export async function trainTogether(given: Given, size: number): Promise<string[]> {
  const settings = parseSettings({ ...given, train: true }), io = captureIo();
  const corpus = await loadCorpus({ ...settings, words: startWords(settings) });
  await onRanks(size, async (gpu, communicator) => {
    const shard = shardOf(settings, communicator, corpus.vocabulary.size);
    using model = makeModel(gpu, settings, corpus.vocabulary, shard);
    const epochs = new Epochs(corpus.train, settings), own = atRank(io, communicator.rank);
    await train({ gpu, settings, corpus, epochs, io: own, communicator }, model);
  });
  return io.outLines;
}
