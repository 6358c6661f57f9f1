/** Types of std's text functions in use, as in JSR's `@std/text`. */

export function levenshteinDistance(str1: string, str2: string): number;
export function toKebabCase(input: string): string;
