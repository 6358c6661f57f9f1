/** The settings of a run, from the command line and from the file that `--config` names. */

import type { Given } from "../options/option.ts";
import { ignoredOptions, parseSettings, type Settings } from "../options/settings.ts";
import { attempt, checkFile } from "../shared/files.ts";
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
  const settings = parseSettings(given, config, (line) => io.err(`warning: ${path}: ${line}`));
  const warning = ignoredOptions(given, settings);
  if (warning !== undefined) io.err(warning);
  await askPermissions(usedPaths(settings));
  return settings;
}

/** The options that the file `path` sets. */
async function readConfigFile(path: string): Promise<Given> {
  await askPermissions({ read: [path] });
  checkFile(path);
  const text = attempt("read", path, () => Deno.readTextFileSync(path));
  return (await import("../options/config.ts")).readConfig(path, text);
}
