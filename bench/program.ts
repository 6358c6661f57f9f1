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
 * Parses the arguments of a program that measures next to PyTorch: `[rounds] [seconds]`.
 *
 * @throws {Failure} Unless both are positive and no other argument follows.
 */
export function roundsAndSeconds(words: readonly string[]): { rounds: number; seconds: number } {
  const [rounds, seconds, other] = words;
  if (other !== undefined) throw new Failure(`${other}: give no more than rounds and seconds`);
  return {
    rounds: positive(rounds, "The number of rounds", 5),
    seconds: positive(seconds, "The number of seconds", 10),
  };
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
