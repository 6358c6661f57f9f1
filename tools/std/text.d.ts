/** Types of std's likeness of words, as JSR's `@std/text` has them: what serves here. */

export interface ClosestStringOptions {
  caseSensitive?: boolean;
  compareFn?: (a: string, b: string) => number;
}

export function closestString(
  givenWord: string,
  possibleWords: readonly string[],
  options?: ClosestStringOptions,
): string;
export function levenshteinDistance(a: string, b: string): number;
