/** Makes the model that the settings describe. */

import type { Gpu, Shard } from "../../mod.ts";
import type { Vocabulary } from "../data/vocab.ts";
import type { ModelSettings } from "../options/options.ts";
import { GRULanguageModel, LanguageModel, type WordModel } from "./model.ts";
import { makeNoise } from "./noise.ts";

/**
 * Makes the model that `settings` describe for this vocabulary, with initial weights; of tables of words only
 * the rows of a `shard` if that is given.
 */
export function makeModel(
  gpu: Gpu,
  settings: ModelSettings,
  vocabulary: Vocabulary,
  shard?: Shard,
): WordModel {
  const { counts } = vocabulary, { loss: lossType, noiseRatio, normTerm, perWord } = settings;
  const { removeHits, selfNorm, emsize, nhid, nlayers, dropout, tied, tableDtype, seed } = settings;
  const Model = settings.indexModule === "gru" ? GRULanguageModel : LanguageModel;
  return new Model(gpu, {
    numWords: counts.length,
    ...{ emsize, nhid, nlayers, dropout, tied, tableDtype, seed },
    noise: makeNoise(gpu, settings, counts),
    ...{ lossType, noiseRatio, normTerm, perWord, removeHits, selfNorm },
    ...(shard && { shard }),
  });
}
