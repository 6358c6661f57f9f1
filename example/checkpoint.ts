/** Saved models: parameters by PyTorch's names, with the vocabulary and the sizes in one file. */

import type { Gpu } from "../mod.ts";
import type { SelfNormalization } from "./card.ts";
import { Failure } from "./errors.ts";
import { checkFile, readFile, writeFileAtomically } from "./files.ts";
import { GRULanguageModel, LanguageModel, type WordModel } from "./model.ts";
import { makeNoise } from "./noise.ts";
import { decodeSafetensors, encodeSafetensors, type Safetensors } from "./safetensors.ts";
import type { Settings } from "./settings.ts";
import { Vocabulary } from "./vocab.ts";

/** What the header of a model file says of its kind. */
const KIND = "nce word language model";

/** Names of the settings that a model is rebuilt from. */
const KEPT = [
  "indexModule",
  "emsize",
  "nhid",
  "nlayers",
  "dropout",
  "loss",
  "noise",
  "noisePower",
  "noiseUniform",
  "noiseRatio",
  "unique",
  "removeHits",
  "perWord",
  "normTerm",
  "selfNorm",
  "seed",
] as const;

type ModelSettings = Pick<Settings, typeof KEPT[number]>;

/** A model read from a file. */
export interface LoadedModel {
  readonly model: WordModel;
  readonly vocabulary: Vocabulary;
  /** The settings it was made with. */
  readonly settings: ModelSettings;
}

/** Makes the model that `settings` describe for this vocabulary, with initial weights. */
export function makeModel(gpu: Gpu, settings: ModelSettings, vocabulary: Vocabulary): WordModel {
  const { counts } = vocabulary;
  const Model = settings.indexModule === "gru" ? GRULanguageModel : LanguageModel;
  return new Model(gpu, {
    ...settings,
    numWords: counts.length,
    noise: makeNoise(gpu, settings, counts),
    lossType: settings.loss,
  });
}

/** The reference keeps the output bias as a column. */
function fileShape(name: string, shape: readonly number[]): number[] {
  return name === "criterion.bias.weight" ? [...shape, 1] : [...shape];
}

/** What a model file tells besides the parameters. */
export interface SavedBeside {
  readonly vocabulary: Vocabulary;
  readonly settings: ModelSettings;
  /** What the last exact validation found. */
  readonly card?: SelfNormalization;
}

/** Writes the model to `path`, atomically: a file of that name is replaced only by a whole one. */
export async function saveModel(
  gpu: Gpu,
  path: string,
  model: WordModel,
  { vocabulary, settings, card }: SavedBeside,
): Promise<void> {
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, parameter] of model.parameters()) {
    const data = await gpu.readFloats(parameter);
    tensors.set(name, { shape: fileShape(name, parameter.shape), data });
  }
  const kept = Object.fromEntries(KEPT.map((name) => [name, settings[name]]));
  const bytes = encodeSafetensors(tensors, {
    kind: KIND,
    settings: JSON.stringify(kept),
    words: JSON.stringify(vocabulary.words),
    counts: JSON.stringify(vocabulary.counts),
    ...(card && { selfNormalization: JSON.stringify(card) }),
  });
  writeFileAtomically(path, bytes);
}

/**
 * Reads a model with its vocabulary.
 *
 * @throws {Failure} If the file is missing, damaged, or not such a model.
 */
export function loadModel(gpu: Gpu, path: string): LoadedModel {
  checkModel(path);
  const { tensors, metadata } = read(path);
  const { settings, words, counts } = parseHeader(path, metadata);
  const vocabulary = Vocabulary.from(words, counts);
  const model = makeModel(gpu, settings, vocabulary);
  setParameters(gpu, model, tensors, path);
  return { model, vocabulary, settings };
}

/** Gives `model` the parameters that {@linkcode saveModel} wrote to `path`. */
export function restoreModel(gpu: Gpu, path: string, model: WordModel): void {
  setParameters(gpu, model, read(path).tensors, path);
}

function checkModel(path: string): void {
  try {
    checkFile(path);
  } catch (cause) {
    const cure = "train it with --train, or name another by --save";
    throw new Failure(`There is no model ${path}: ${cure}`, { cause });
  }
}

function read(path: string): Safetensors {
  const file = decodeSafetensors(readFile(path), path);
  if (file.metadata["kind"] === KIND) return file;
  throw new Failure(`Cannot load ${path}: it is not a word language model of this program`);
}

function parseHeader(
  path: string,
  { settings, words, counts }: Record<string, string>,
): { settings: ModelSettings; words: string[]; counts: number[] } {
  try {
    return {
      settings: JSON.parse(settings ?? ""),
      words: JSON.parse(words ?? ""),
      counts: JSON.parse(counts ?? ""),
    };
  } catch (cause) {
    throw new Failure(`Cannot load ${path}: its settings or vocabulary are damaged`, { cause });
  }
}

function setParameters(
  gpu: Gpu,
  model: WordModel,
  tensors: Safetensors["tensors"],
  path: string,
): void {
  for (const [name, parameter] of model.parameters()) {
    const saved = tensors.get(name), shape = fileShape(name, parameter.shape);
    if (saved?.shape.join() !== shape.join()) {
      throw new Failure(
        `Cannot load ${path}: ${name} is [${saved?.shape ?? "missing"}], expected [${shape}]`,
      );
    }
    gpu.write(parameter, saved.data);
  }
}
