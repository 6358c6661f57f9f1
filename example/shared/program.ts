/** Runs a program that is not the command line: a demo, or a benchmark. */

import { prepareDriver } from "./driver.ts";
import { Failure, UsageError } from "./errors.ts";

/**
 * Runs `main` on the arguments, without npm's leading `--`. A Failure prints one line and exits with 1, a
 * UsageError with 2.
 */
export async function runProgram(main: (words: readonly string[]) => Promise<void>): Promise<void> {
  prepareDriver();
  try {
    await main(Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args);
  } catch (error) {
    if (!(error instanceof Failure || error instanceof UsageError)) throw error;
    console.error(error.message);
    Deno.exit(error instanceof Failure ? 1 : 2);
  }
}
