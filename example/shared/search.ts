/** Searches: binary search, draws by running sums, and the closest name. */

import type { Philox } from "../../kernels/random/mod.ts";
import { levenshteinDistance } from "@std/text";

/** The first index below `count` at which `holds` is true, or `count`. Once true, it must stay true. */
export function firstIndex(count: number, holds: (index: number) => boolean): number {
  let low = 0, high = count;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The sum of the elements up to each. */
export function runningSum(numbers: readonly number[] | Float64Array): Float64Array {
  let sum = 0;
  return Float64Array.from(numbers, (x) => sum += x);
}

/**
 * Draws a place in proportion to its number, of which `sums` are the running sums: by 48 random bits, as numbers
 * may be far smaller than their sum.
 */
export function drawPlace(sums: Float64Array, random: Philox): number {
  const u = (random.uniform() + random.uniform() * 2 ** -24) * sums.at(-1)!;
  return firstIndex(sums.length - 1, (i) => sums[i]! > u);
}

/**
 * The name in `names` closest to `word`.
 *
 * @returns Undefined if more than half of the word would have to change.
 */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  const changes = names.map((name) => levenshteinDistance(word, name));
  const least = Math.min(...changes);
  return least <= word.length / 2 ? names[changes.indexOf(least)] : undefined;
}
