/** The whole program, except for ending the process. */

import { loadCliffy } from "./cliffy.ts";
import type { Given } from "../options/option.ts";
import { ignoredOptions, parseSettings, type Settings } from "../options/settings.ts";
import { attempt, checkFile } from "../shared/files.ts";
import { atVolume, type Io } from "../shared/io.ts";
import { COMMANDS, PROGRAM } from "./commands.ts";
import { parse } from "./parse.ts";
import { askPermissions, pathsOf } from "./permissions.ts";
import { reportError } from "./report_error.ts";

/** Runs the root command with valid settings. */
export type Run = (settings: Settings, io: Io) => Promise<void>;

/**
 * Runs a command line.
 *
 * @param args The arguments.
 * @param io Where output goes.
 * @param run Runs the root command. By default it is loaded on demand, since it needs a GPU.
 * @returns The exit code: 0 done, 1 failed, 2 wrong use.
 */
export async function main(args: readonly string[], io: Io, run?: Run): Promise<number> {
  try {
    const parsed = await parse(await loadCliffy(), PROGRAM, args, io);
    if (parsed === undefined) return 0;
    const { given, words } = parsed;
    const command = COMMANDS.find((command) => command === parsed.command);
    await (command?.run({ given, words, io }) ?? runRoot(given, io, run));
    return 0;
  } catch (error) {
    return reportError(error, args.includes("--debug"), io);
  }
}

async function runRoot(given: Given, io: Io, run?: Run): Promise<void> {
  const { config: path } = given, config = typeof path === "string" ? await load(path) : {};
  const settings = parseSettings(given, config, (line) => io.err(`warning: ${path}: ${line}`));
  const warning = ignoredOptions(given, settings);
  if (warning !== undefined) io.err(warning);
  await askPermissions(pathsOf(settings));
  await (run ?? (await import("../commands/run.ts")).run)(settings, atVolume(io, settings));
}

/** The options that the file `path` sets. */
async function load(path: string): Promise<Given> {
  await askPermissions({ read: [path] });
  checkFile(path);
  const text = attempt("read", path, () => Deno.readTextFileSync(path));
  return (await import("../options/config.ts")).readConfig(path, text);
}
