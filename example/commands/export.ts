/** `export`: saves a model for PyTorch. */

import { basename } from "@std/path";
import { EXPORT } from "../options/exchange.ts";
import { type Given, readOptions } from "../options/option.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { unlessFailed, UsageError } from "../shared/errors.ts";
import { isFile, openBytes } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { decodeModel } from "../storage/model_file.ts";
import { findModel } from "../storage/open_model.ts";
import { vocabularyPath, writePytorch } from "../storage/pytorch.ts";
import { metadataOf } from "../storage/safetensors.ts";

/**
 * Writes the model named `word` as a PyTorch-compatible file.
 *
 * @throws {UsageError} If there is no such model, or a file that is not an export would be replaced.
 * @throws {Failure} If the model is damaged, or a file cannot be written.
 */
export function exportModel(word: string, given: Given, io: Io): void {
  const { path, vocabulary } = findModel(word), { out } = readOptions(EXPORT, given);
  const target = out ?? `${MODEL_FOLDER}/pytorch/${basename(path)}`, words = vocabularyPath(target);
  const foreign = isOwn(target) ? target : isFile(words) && !isFile(target) ? words : undefined;
  if (foreign !== undefined) {
    throw new UsageError(
      `Cannot replace ${foreign}, which is no export: give another file by --out`,
    );
  }
  using file = openBytes(path, "load");
  writePytorch(target, decodeModel(file, path, Infinity, vocabulary));
  io.out(`wrote       ${target} and ${words}`);
}

/** Whether the file is a model or a checkpoint, which must not be replaced. */
function isOwn(path: string): boolean {
  return unlessFailed(() => {
    using file = openBytes(path);
    return metadataOf(file, path)["kind"] !== undefined;
  }) ?? false;
}
