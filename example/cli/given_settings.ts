/** The settings of a run, from the command line and from the file that `--config` names. */

import type { Given } from "../options/option.ts";
import { isSynthetic } from "../options/choices.ts";
import { ignoredOptions, modeOf } from "../options/effects.ts";
import { OPTIONS, type Settings } from "../options/options.ts";
import { configPath, MODEL_FOLDER, parseSettings } from "../options/settings.ts";
import { UsageError } from "../shared/errors.ts";
import { attempt, checkFile, isFile, isFolder } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { askPermissions, usedPaths } from "./permissions.ts";

/**
 * The settings of a run; asks for the permissions that it needs.
 *
 * @throws {UsageError} One line that names the option, the value and the cure.
 */
export async function givenSettings(given: Given, io: Io): Promise<Settings> {
  const { config: path } = given,
    config = typeof path === "string" ? await readConfigFile(path) : {};
  const start = await startOf({ ...config, ...given });
  let settings = parseSettings(given, { ...start, ...config }, (line, option) => {
    if (option in config) io.err(`warning: ${path}: ${line}`);
  });
  const warning = ignoredOptions(given, settings);
  if (warning !== undefined) io.err(warning);
  const isTest = modeOf(settings) === "test";
  if (isTest && { ...config, ...given }["data"] === undefined) {
    settings = { ...settings, data: await ownText(settings) };
  }
  await askPermissions(usedPaths(settings));
  return isTest && settings.evaluation === "loss"
    ? await withOwnBatches(settings, config)
    : settings;
}

/**
 * The settings with batches as in the training of the saved model: see `scoredBatches`. If its own options are gone,
 * they are those of `config`, or the defaults, as the test says.
 */
async function withOwnBatches(settings: Settings, config: Given): Promise<Settings> {
  const path = configPath(settings.save);
  const own = parseSettings({}, isFile(path) ? await readConfigFile(path) : config);
  const { batchSize, bptt, concat, carryState } = own;
  return { ...settings, batchSize, bptt, concat, carryState };
}

/** The options of the model that a run starts from; none if it starts from none. */
async function startOf({ train, prof, start, save, resume }: Given): Promise<Given> {
  if (
    typeof start !== "string" || modeOf({ train: train === true, prof: prof === true }) === "test"
  ) return {};
  const { modelPathOf } = await import("../storage/open_model.ts"), resumes = resume === true;
  await askPermissions({ read: [modelPathOf(start), resumes ? MODEL_FOLDER : null] });
  const { startOptions } = await import("../storage/start.ts");
  return startOptions({ start, save: String(save ?? OPTIONS.save.default), resume: resumes });
}

/** The text that the saved model was trained on, from the options that its training wrote. */
async function ownText(settings: Settings): Promise<string> {
  const { save } = settings, path = configPath(save), cure = "give a text by --data";
  await askPermissions(usedPaths(settings));
  const { expectModel, modelPath } = await import("../storage/open_model.ts");
  const model = modelPath(save);
  expectModel(save);
  if (!isFile(path)) {
    throw new UsageError(`Cannot tell the text of ${model}: there is no ${path}; ${cure}`);
  }
  const { data } = { ...settings, ...await readConfigFile(path) };
  const all = { ...settings, data: String(data) };
  await askPermissions(usedPaths(all));
  if (isSynthetic(all.data) || isFolder(all.data)) return all.data;
  throw new UsageError(
    `Cannot test ${model} on ${all.data}, the text in ${path}: there is no such folder; ${cure}`,
  );
}

/** The options that the file `path` sets. */
async function readConfigFile(path: string): Promise<Given> {
  await askPermissions({ read: [path] });
  checkFile(path);
  const text = attempt("read", path, () => Deno.readTextFileSync(path));
  return (await import("../options/config.ts")).readConfig(path, text);
}
