/** `import`: converts a PyTorch model. */

import { basename } from "@std/path";
import { describeModel } from "./describe.ts";
import type { Vocabulary } from "../data/vocab.ts";
import { IMPORT } from "../options/exchange.ts";
import { flagOf, type Given, readOptions } from "../options/option.ts";
import { LOSS, MODEL, type ModelSettings } from "../options/options.ts";
import { RUN } from "../options/run_options.ts";
import { UsageError } from "../shared/errors.ts";
import { checkFile, isFile, openBytes } from "../shared/files.ts";
import { labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import { lockModel } from "../storage/lock.ts";
import { writeModelFile } from "../storage/model_file.ts";
import { readSettings } from "../storage/model_settings.ts";
import { modelPath } from "../storage/open_model.ts";
import {
  expectForeign,
  foreignNoise,
  type PytorchModel,
  readPytorch,
  readPytorchWords,
  vocabularyPath,
} from "../storage/pytorch.ts";
import { cannotLoad } from "../storage/safetensors.ts";

/**
 * Converts the file at `path` and its vocabulary into a model.
 *
 * @throws {UsageError} If a file is missing, or an option that the file does not replace, or if a model of
 *   this name exists.
 * @throws {Failure} If a file is damaged, the two do not match, or the model cannot be written.
 */
export function importModel(path: string, given: Given, io: Io): void {
  const { vocab, save, ...options } = readOptions(IMPORT, given);
  checkFile(path);
  using file = openBytes(path, "load");
  expectForeign(file);
  const words = vocab ?? vocabularyPath(path), name = save ?? modelName(path);
  checkVocabulary(words, vocab !== null);
  const target = modelPath(name);
  if (isFile(target)) {
    throw new UsageError(`There is a model ${target} already: give another name by --save`);
  }
  const model = readPytorch(file), settings = importedSettings(path, model, options);
  const vocabulary = readPytorchWords(words);
  checkMatch(path, model, words, vocabulary);
  using _lock = lockModel(name);
  writeModelFile(target, { vocabulary, settings, parameters: model.parameters });
  io.out(labelled("wrote", `${target}: ${describeModel(settings, vocabulary.size)}`));
}

/** The name of the imported model. */
function modelName(path: string): string {
  const name = RUN.save.read(basename(path));
  if (name !== undefined) return name;
  throw new UsageError(`${path} is no name for a model: give one by --save`);
}

function checkVocabulary(path: string, isGiven: boolean): void {
  if (isGiven || isFile(path)) return checkFile(path);
  throw new UsageError(
    `There is no vocabulary ${path}: give the words and their counts by --vocab`,
  );
}

/** Settings that only the options can give. */
type Options = {
  readonly [N in "dropout" | "loss" | "noiseRatio" | "normTerm"]: ModelSettings[N] | null;
};

/** The model's settings: from the options, otherwise the file, otherwise the defaults where they are safe. */
function importedSettings(path: string, { sizes, settings }: PytorchModel, options: Options) {
  const given = Object.entries(options).filter(([, setting]) => setting !== null);
  const known = { ...settings, ...Object.fromEntries(given) }, { loss } = known;
  const needed = [
    "dropout",
    "loss",
    ...loss === "full" || loss === undefined ? [] : ["noiseRatio"],
    ...loss === "nce" || loss === "mix" ? ["normTerm"] : [],
  ];
  const missing = needed.filter((name) => !(name in known)).map(flagOf);
  if (missing.length > 0) {
    const names = new Intl.ListFormat("en").format(missing);
    throw new UsageError(`${path} does not tell ${names} of its training: give what it was`);
  }
  const defaults = readOptions({ ...MODEL, ...LOSS }, {});
  return readSettings({ ...defaults, ...known, ...sizes }, cannotLoad(path));
}

/** Checks that the words are those that the model was trained with. */
function checkMatch(
  path: string,
  { numWords, logNoise }: PytorchModel,
  words: string,
  vocabulary: Vocabulary,
): void {
  const fail = cannotLoad(path);
  if (vocabulary.size !== numWords) {
    fail(`it has ${numWords} words, and ${words} has ${vocabulary.size}; give its own by --vocab`);
  }
  const foreign = logNoise === undefined ? undefined : foreignNoise(logNoise, vocabulary);
  if (foreign === undefined) return;
  fail(
    `its noise has another probability for ${
      JSON.stringify(foreign)
    } than the counts of ${words}; ` +
      "give the words and counts that it was trained with by --vocab",
  );
}
