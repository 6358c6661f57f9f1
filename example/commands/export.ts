/** `export`: a model of this program as a file for PyTorch. */

import { basename } from "@std/path";
import { EXPORT } from "../options/exchange.ts";
import { type Given, readOptions } from "../options/option.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import { openBytes } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { decodeModel, isModel } from "../storage/model_file.ts";
import { findModel } from "../storage/open_model.ts";
import { vocabularyPath, writePytorch } from "../storage/pytorch.ts";
import { decodeHeader } from "../storage/safetensors.ts";

/**
 * Writes the model that `word` names as a file for PyTorch.
 *
 * @throws {UsageError} If there is no such model, or the file to write is a model of this program.
 * @throws {Failure} If the model is damaged, or a file cannot be written.
 */
export function exportModel(word: string, given: Given, io: Io): void {
  const { path } = findModel(word), { out } = readOptions(EXPORT, given);
  const target = out ?? `${MODEL_FOLDER}/pytorch/${basename(path)}`;
  if (isModelAt(target)) {
    throw new UsageError(`--out ${target} is a model of this program: give another file`);
  }
  using file = openBytes(path, "load");
  writePytorch(target, decodeModel(file, path));
  io.out(`wrote       ${target} and ${vocabularyPath(target)}`);
}

/** Whether there is a model of this program, which must not be lost. */
function isModelAt(path: string): boolean {
  try {
    using file = openBytes(path);
    return isModel(decodeHeader(file, path).metadata);
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
