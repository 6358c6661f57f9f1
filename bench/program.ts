/** What the programs of this folder have in common. */

import { Failure } from "../example/shared/errors.ts";
import { prepareDriver } from "../example/shared/driver.ts";

/** Runs `main` on the command line's words, without npm's first `--`; a Failure is one line and code 1. */
export async function runProgram(main: (words: readonly string[]) => Promise<void>): Promise<void> {
  prepareDriver();
  try {
    await main(Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}

/**
 * The number that a word is, or `standard` without one.
 *
 * @throws {Failure} Unless it is positive.
 */
export function positive(word: string | undefined, name: string, standard: number): number {
  const value = Number(word ?? standard);
  if (value > 0 && value < Infinity) return value;
  throw new Failure(`${name} must be a positive number, not ${word}`);
}
