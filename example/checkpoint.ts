/** Saved models: parameters by PyTorch's names, with the vocabulary and the sizes in one file. */

import type { Gpu } from "../mod.ts";
import { Failure } from "./errors.ts";
import { readFile, writeFileAtomically } from "./files.ts";
import { LanguageModel } from "./model.ts";
import { decodeSafetensors, encodeSafetensors, type Safetensors } from "./safetensors.ts";
import type { Settings } from "./settings.ts";
import { Vocabulary } from "./vocab.ts";

/** What the header of a model file says of its kind. */
const KIND = "nce word language model";

/** The settings that a model is rebuilt from. */
type ModelSettings = Pick<
  Settings,
  "emsize" | "nhid" | "nlayers" | "dropout" | "loss" | "noiseRatio" | "normTerm" | "seed"
>;

/** A model read from a file. */
export interface LoadedModel {
  readonly model: LanguageModel;
  readonly vocabulary: Vocabulary;
}

/** Makes the model that `settings` describe for this vocabulary, with initial weights. */
export function makeModel(
  gpu: Gpu,
  settings: ModelSettings,
  vocabulary: Vocabulary,
): LanguageModel {
  const { normTerm } = settings;
  if (normTerm === "learned") throw new Failure("A learned norm term is not available");
  return new LanguageModel(gpu, { ...settings, normTerm, counts: vocabulary.counts });
}

/** The reference keeps the output bias as a column. */
function fileShape(name: string, shape: readonly number[]): number[] {
  return name === "criterion.bias.weight" ? [...shape, 1] : [...shape];
}

/** Writes the model to `path`, atomically: a file of that name is replaced only by a whole one. */
export async function saveModel(
  gpu: Gpu,
  path: string,
  model: LanguageModel,
  vocabulary: Vocabulary,
  settings: Settings,
): Promise<void> {
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, parameter] of model.parameters()) {
    const data = await gpu.readFloats(parameter);
    tensors.set(name, { shape: fileShape(name, parameter.shape), data });
  }
  const { emsize, nhid, nlayers, dropout, loss, noiseRatio, normTerm, seed } = settings;
  const kept: ModelSettings = { emsize, nhid, nlayers, dropout, loss, noiseRatio, normTerm, seed };
  const bytes = encodeSafetensors(tensors, {
    kind: KIND,
    settings: JSON.stringify(kept),
    words: JSON.stringify(vocabulary.words),
    counts: JSON.stringify([...vocabulary.counts]),
  });
  writeFileAtomically(path, bytes);
}

/**
 * Reads a model with its vocabulary.
 *
 * @throws {Failure} If the file is missing, damaged, or not such a model.
 */
export function loadModel(gpu: Gpu, path: string): LoadedModel {
  const { tensors, metadata } = read(path);
  const { settings, words, counts } = parseHeader(path, metadata);
  const vocabulary = Vocabulary.from(words, counts);
  const model = makeModel(gpu, settings, vocabulary);
  setParameters(gpu, model, tensors, path);
  return { model, vocabulary };
}

/** Gives `model` the parameters that {@linkcode saveModel} wrote to `path`. */
export function restoreModel(gpu: Gpu, path: string, model: LanguageModel): void {
  setParameters(gpu, model, read(path).tensors, path);
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
  model: LanguageModel,
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
