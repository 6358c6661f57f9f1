/** `export`: a model of this program as a file for PyTorch. */

import { basename } from "@std/path";
import { EXPORT } from "../options/exchange.ts";
import { type Given, readOptions } from "../options/option.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import { isFile, openBytes } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { decodeModel } from "../storage/model_file.ts";
import { findModel } from "../storage/open_model.ts";
import { vocabularyPath, writePytorch } from "../storage/pytorch.ts";
import { decodeHeader } from "../storage/safetensors.ts";

/**
 * Writes the model that `word` names as a file for PyTorch.
 *
 * @throws {UsageError} If there is no such model, or something else than an export would be replaced.
 * @throws {Failure} If the model is damaged, or a file cannot be written.
 */
export function exportModel(word: string, given: Given, io: Io): void {
  const { path } = findModel(word), { out } = readOptions(EXPORT, given);
  const target = out ?? `${MODEL_FOLDER}/pytorch/${basename(path)}`, words = vocabularyPath(target);
  const foreign = isOwn(target) ? target : isFile(words) && !isFile(target) ? words : undefined;
  if (foreign !== undefined) {
    throw new UsageError(
      `Cannot replace ${foreign}, which is no export: give another file by --out`,
    );
  }
  using file = openBytes(path, "load");
  writePytorch(target, decodeModel(file, path));
  io.out(`wrote       ${target} and ${words}`);
}

/** Whether there is a model or a checkpoint, which must not be lost. */
function isOwn(path: string): boolean {
  try {
    using file = openBytes(path);
    return decodeHeader(file, path).metadata["kind"] !== undefined;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}
