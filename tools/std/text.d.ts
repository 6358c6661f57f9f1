/** Types of std's text, as JSR's `@std/text` has them: what serves here. */

export function levenshteinDistance(str1: string, str2: string): number;
export function toKebabCase(input: string): string;
