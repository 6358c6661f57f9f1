/** Small untrained models, saved for tests of commands. */

import type { SelfNormalization } from "../../example/evaluation/card.ts";
import type { WordModel } from "../../example/model/model.ts";
import type { Given } from "../../example/options/option.ts";
import type { ModelSettings } from "../../example/options/options.ts";
import { parseSettings } from "../../example/options/settings.ts";
import { AtomicFile } from "../../example/shared/files.ts";
import { makeModel } from "../../example/model/make_model.ts";
import { writeModel } from "../../example/storage/saved_model.ts";
import type { SavedBeside } from "../../example/storage/model_file.ts";
import { Vocabulary } from "../../example/data/vocab.ts";
import type { Gpu } from "../../mod.ts";

const WORDS = 20;
/** Words w0 to w19 with falling counts; some words are unknown. */
export const VOCABULARY = Vocabulary.from(
  ["<unk>", "<s>", "</s>", ...Array.from({ length: WORDS }, (_, i) => `w${i}`)],
  Array.from({ length: WORDS + 3 }, (_, i) => 30 - i),
);

/** A card of a model that may be used without normalising. */
export const CARD: SelfNormalization = {
  ...{ mean: 8.96, std: 0.1, percentiles: [8.2, 8.9, 9.2], rawPpl: 12.5, rawPplBest: 12 },
  ...{ histogram: { from: 8, to: 9, counts: [1, 4, 1] }, normTerm: 9 },
};

/** Writes a model to `path` atomically; returns the hash of the file. */
export async function saveModel(
  gpu: Gpu,
  path: string,
  model: WordModel,
  beside: SavedBeside,
): Promise<string> {
  using file = new AtomicFile(path);
  const hash = await writeModel(gpu, file, model, beside);
  file.commit();
  return hash;
}

/** Saves a model as `saved_model/NAME.safetensors`; its weights are large enough for words to matter. */
export async function saveSmallModel(
  gpu: Gpu,
  name: string,
  given: Given = {},
  card: SelfNormalization | null = CARD,
): Promise<ModelSettings> {
  const sizes = { "emsize": "8", "nhid": "12", "nlayers": "1", "loss": "nce" };
  const settings = parseSettings({ train: true, ...sizes, ...given });
  using model = makeModel(gpu, settings, VOCABULARY);
  await enlarge(gpu, model);
  const path = `saved_model/${name}.safetensors`;
  await saveModel(gpu, path, model, {
    ...{ settings, vocabulary: VOCABULARY },
    ...(card && { card }),
  });
  return settings;
}

async function enlarge(gpu: Gpu, model: WordModel): Promise<void> {
  for (const [, parameter] of model.parameters()) {
    if (parameter.shape.length < 2) continue;
    gpu.write(parameter, (await gpu.readFloats(parameter)).map((weight) => 3 * weight));
  }
}
