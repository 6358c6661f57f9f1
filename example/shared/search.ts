/** What is searched for: an index by halving, and the name that was meant. */

import { levenshteinDistance } from "@std/text";

/** The first of the indices from 0 to `count` - 1 at which `holds`, or `count`: it holds from one index on. */
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
 * The one of `names` that `word` is most like.
 *
 * @returns Undefined if more than half of the word would have to change.
 */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  const changes = names.map((name) => levenshteinDistance(word, name));
  const least = Math.min(...changes);
  return least <= word.length / 2 ? names[changes.indexOf(least)] : undefined;
}
