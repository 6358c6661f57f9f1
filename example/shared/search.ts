/** Searches: binary search, and the closest name. */

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
