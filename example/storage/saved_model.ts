/** Saves models from the GPU to a file, and loads them. */

import { createHash } from "node:crypto";
import { ALONE, type Communicator } from "../../kernels/mod.ts";
import type { Gpu, Shard } from "../../mod.ts";
import { Failure } from "../shared/errors.ts";
import {
  type AtomicFile,
  type ByteSource,
  byteView,
  chunksOf,
  isFile,
  openBytes,
  openIfThere,
} from "../shared/files.ts";
import type { WordModel } from "../model/model.ts";
import {
  decodeModel,
  encodeModel,
  type ModelHeader,
  nonFinite,
  type SavedBeside,
} from "./model_file.ts";
import type { ModelSettings } from "../options/options.ts";
import { makeModel } from "../model/make_model.ts";
import { cannotLoad } from "./safetensors.ts";
import { spread } from "./shards.ts";
import { fillRows, type ReadRange, readRows } from "./tensors.ts";
import { parameterShapes } from "../model/shapes.ts";
import type { Vocabulary } from "../data/vocab.ts";

/** A model read from a file. */
export interface LoadedModel extends ModelHeader {
  readonly model: WordModel;
}

/**
 * Writes the model to an uncommitted file. Parameters are read from the GPU some rows at a time.
 *
 * @param read Reads tables that are divided among ranks.
 * @returns The SHA-256 of the file, which {@linkcode restoreModel} checks.
 * @throws {Failure} If the file cannot be written, or a parameter has a number that is not finite.
 */
export async function writeModel(
  gpu: Gpu,
  file: AtomicFile,
  model: WordModel,
  beside: SavedBeside,
  read?: ReadRange,
): Promise<string> {
  const { settings, vocabulary } = beside;
  const { before, after } = encodeModel(beside), hash = createHash("sha256");
  const parameters = new Map(model.parameters());
  const write = (bytes: Uint8Array) => {
    hash.update(bytes);
    file.write(bytes);
  };
  before.forEach(write);
  for (const [name, shape] of parameterShapes(settings, vocabulary.size)) {
    await readRows(gpu, parameters.get(name)!, (numbers, at) => {
      const flaw = nonFinite(numbers, at, shape);
      if (flaw !== undefined) {
        throw new Failure(
          `Cannot write ${file.path}: ${name} has ${flaw}; try a smaller --lr or --clip`,
        );
      }
      write(byteView(numbers));
    }, read);
  }
  write(after);
  return hash.digest("hex");
}

/** The SHA-256 of a file; undefined if there is no such file. */
export function hashOfFile(path: string): string | undefined {
  if (!isFile(path)) return undefined;
  using file = openBytes(path);
  const hash = createHash("sha256");
  for (const bytes of chunksOf(file)) hash.update(bytes);
  return hash.digest("hex");
}

/**
 * Reads a model with its vocabulary, or a `shard` of it. The whole file is validated before the GPU is used.
 *
 * @param known The vocabulary that was read from the file before, which is then not held twice.
 * @throws {Failure} If the file is missing, damaged, not a model, or too large for the device; or if it no
 *   longer has the known vocabulary.
 */
export function loadModel(
  gpu: Gpu,
  path: string,
  known?: Vocabulary,
  shard?: Shard,
): LoadedModel {
  using file = open(path);
  const { parameters, ...header } = decodeModel(file, gpu.maxTensorBytes, known);
  using made = new DisposableStack();
  const model = made.use(remakeModel(gpu, header.settings, header.vocabulary, path, shard));
  for (const [name, parameter] of model.parameters()) {
    fillRows(gpu, parameter, parameters.get(name)!);
  }
  made.move();
  return { model, ...header };
}

/**
 * Gives `model` the parameters that {@linkcode writeModel} wrote to `path`, a file of rank 0, on all ranks.
 *
 * @param written The hash that it returned.
 * @throws {Failure} If the file has changed.
 */
export async function restoreModel(
  gpu: Gpu,
  path: string,
  model: WordModel,
  written: string,
  vocabulary: Vocabulary,
  communicator: Communicator = ALONE,
): Promise<void> {
  using file = communicator.rank === 0 ? open(path) : undefined;
  if (file && hashOfFile(path) !== written) {
    cannotLoad(file.name)("it is not the file that this run wrote; another program replaced it");
  }
  const saved = file && decodeModel(file, Infinity, vocabulary);
  for (const [name, parameter] of model.parameters()) {
    await spread(gpu, communicator, parameter, saved?.parameters.get(name));
  }
}

function open(path: string): ByteSource & Disposable {
  const file = openIfThere(path);
  if (file) return file;
  throw new Failure(`There is no model ${path}: train it with --train, or name another by --save`);
}

/** Makes the model with initial weights; throws if its counts do not suit its noise. */
function remakeModel(
  gpu: Gpu,
  settings: ModelSettings,
  vocabulary: Vocabulary,
  path: string,
  shard?: Shard,
): WordModel {
  try {
    return makeModel(gpu, settings, vocabulary, shard);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return cannotLoad(path)(`its counts do not suit its noise: ${error.message}`);
  }
}
