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

/**
 * Checks that no argument comes twice: it would be measured twice, and count twice where results are compared.
 *
 * @throws {Failure} If one does.
 */
export function expectOnce(words: readonly string[]): void {
  const twice = words.find((word, i) => words.indexOf(word) < i);
  if (twice !== undefined) throw new Failure(`${twice} is given twice: leave one out`);
}
