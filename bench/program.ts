/** Shared by the programs in this folder. */

import { Failure } from "../example/shared/errors.ts";

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
