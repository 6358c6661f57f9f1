/** The whole program, except for ending the process. */

import { loadCliffy } from "./cliffy.ts";
import type { Given } from "../options/option.ts";
import type { Settings } from "../options/options.ts";
import { atVolume, type Io, warningsOnce } from "../shared/io.ts";
import { COMMANDS, PROGRAM } from "./commands.ts";
import { givenSettings } from "./given_settings.ts";
import { parse } from "./parse.ts";
import { reportError } from "./report_error.ts";

/** Runs the root command with valid settings. */
export type RootCommand = (settings: Settings, io: Io) => Promise<void>;

/**
 * Runs a command line.
 *
 * @param run Runs the root command. By default it is loaded on demand, since it needs a GPU.
 * @returns The exit code: 0 done, 1 failed, 2 wrong use.
 */
export async function main(args: readonly string[], io: Io, run?: RootCommand): Promise<number> {
  try {
    const parsed = await parse(await loadCliffy(), PROGRAM, args, io);
    if (parsed === undefined) return 0;
    const { given, words } = parsed;
    const command = COMMANDS.find((command) => command === parsed.command);
    await (command?.run({ given, words, io: warningsOnce(io) }) ?? runRoot(given, io, run));
    return 0;
  } catch (error) {
    return reportError(error, args.includes("--debug"), io);
  }
}

async function runRoot(given: Given, io: Io, run?: RootCommand): Promise<void> {
  const settings = await givenSettings(given, io);
  await (run ?? (await import("../commands/run.ts")).run)(settings, atVolume(io, settings));
}
