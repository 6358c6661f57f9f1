/** Types of std's durations in words, as JSR's `@std/fmt/duration` has them. */

export interface FormatOptions {
  style?: "narrow" | "digital" | "full";
  ignoreZero?: boolean;
}

export function format(ms: number, options?: FormatOptions): string;
