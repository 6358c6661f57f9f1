/** `export`: saves a model for PyTorch. */

import { basename } from "@std/path";
import { EXPORT } from "../options/exchange.ts";
import { type Given, readOptions } from "../options/option.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { unlessFailed } from "../shared/errors.ts";
import { openBytes } from "../shared/files.ts";
import { labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import { checkOutput, type FileKind, textKind } from "../shared/output.ts";
import { decodeModel } from "../storage/model_file.ts";
import { findModel } from "../storage/open_model.ts";
import {
  isExport,
  isExportedVocabulary,
  vocabularyPath,
  writePytorch,
} from "../storage/pytorch.ts";
import { metadataOf } from "../storage/safetensors.ts";

/** What may be replaced. */
const EXPORTED: FileKind = {
  name: "export",
  isOwn: (path) =>
    unlessFailed(() => {
      using file = openBytes(path);
      return isExport(metadataOf(file));
    }) ?? false,
};
const WORDS = textKind("vocabulary of an export", isExportedVocabulary);

/**
 * Writes the model named `word` as a PyTorch-compatible file.
 *
 * @throws {UsageError} If there is no such model, or a file that is not an export would be replaced.
 * @throws {Failure} If the model is damaged, or a file cannot be written.
 */
export function exportModel(word: string, given: Given, io: Io): void {
  const { path, vocabulary } = findModel(word), { out } = readOptions(EXPORT, given);
  const target = out ?? `${MODEL_FOLDER}/pytorch/${basename(path)}`, words = vocabularyPath(target);
  checkOutput([target], EXPORTED, [path]);
  checkOutput([words], WORDS);
  using file = openBytes(path, "load");
  writePytorch(target, decodeModel(file, Infinity, vocabulary));
  io.out(labelled("wrote", `${target} and ${words}`));
}
