/** Shared by the programs in this folder. */

import { Failure, UsageError } from "../example/shared/errors.ts";
import { prepareDriver } from "../example/shared/driver.ts";

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

/**
 * Parses an argument as a number; `standard` if it is missing.
 *
 * @throws {Failure} Unless it is positive.
 */
export function positive(word: string | undefined, name: string, standard: number): number {
  const value = Number(word ?? standard);
  if (value > 0 && value < Infinity) return value;
  throw new Failure(`${name} must be a positive number, not ${word}`);
}
