/** Finds the model that a command names: by path, or by the name of a model trained here. */

import { MODEL_FOLDER } from "../options/settings.ts";
import { type ByteSource, expectFile, isFile, namesIn, openBytes } from "../shared/files.ts";
import { nearestName } from "../shared/search.ts";
import {
  decodeModelHeader,
  decodeOutline,
  type ModelHeader,
  type ModelOutline,
} from "./model_file.ts";

const ENDING = ".safetensors";
/** Maximum names in a message. */
const MAX_NAMES = 5;

/** A model file with a valid header; `loadModel(gpu, path)` makes the model. */
export interface FoundModel extends ModelHeader {
  readonly path: string;
}

/**
 * Finds a model and reads its header. No GPU is needed.
 *
 * @param word A path, or the NAME of `saved_model/NAME.safetensors`; see {@linkcode modelPathOf}.
 * @throws {UsageError} If there is no such file; the message suggests a model.
 * @throws {Failure} If the file is not a model of this program, is damaged or truncated.
 */
export function findModel(word: string): FoundModel {
  const { places: _, ...header } = readFound(word, (file) => decodeModelHeader(file));
  return { path: modelPathOf(word), ...header };
}

/** Finds a model as {@linkcode findModel} does, and reads none of its words, of which there may be millions. */
export function findOutline(word: string): ModelOutline {
  return readFound(word, decodeOutline);
}

function readFound<T>(word: string, read: (file: ByteSource) => T): T {
  expectModel(word);
  using file = openBytes(modelPathOf(word), "load");
  return read(file);
}

/** Throws a UsageError, which suggests a model, if there is none of this path or NAME. */
export function expectModel(word: string): void {
  expectFile(modelPathOf(word), "model", () => cureOf(word));
}

/** Path of a named model. A path has a folder or the extension `.safetensors`; anything else is a NAME. */
export function modelPathOf(word: string): string {
  return /[\\/]/.test(word) || word.endsWith(ENDING) ? word : modelPath(word);
}

/** The file of the model called `name`, as in `Settings.save`. */
export function modelPath(name: string): string {
  return `${MODEL_FOLDER}/${name}${ENDING}`;
}

/** Suggestions instead of a missing model. */
function cureOf(word: string): string {
  const names = savedNames(), nearest = nearestName(word, names);
  if (isFile(word)) return `for the file ${word}, give ./${word}`;
  if (isFile(modelPath(`${word}.checkpoint`))) {
    return "only its checkpoint is there, from which --train --resume goes on; with " +
      "--max-minutes 0 that leaves a model at once";
  }
  if (nearest !== undefined) return `did you mean ${nearest}?`;
  if (names.length > 0) {
    const shown = names.length > MAX_NAMES ? [...names.slice(0, MAX_NAMES), "others"] : names;
    return `${MODEL_FOLDER} has ${new Intl.ListFormat("en").format(shown)}`;
  }
  return "train it with --train, or give the path of a model file";
}

/** Names of the models in the folder, in order; or of other files with this ending. */
export function savedNames(ending = ENDING): string[] {
  return namesIn(MODEL_FOLDER)
    .filter((name) => name.endsWith(ending) && !name.endsWith(`.checkpoint${ENDING}`))
    .map((name) => name.slice(0, -ending.length)).sort();
}
