/** Types of std's sizes in words, as JSR's `@std/fmt/bytes` has them. */

export interface FormatOptions {
  bits?: boolean;
  binary?: boolean;
  signed?: boolean;
  locale?: boolean | string | string[];
  minimumFractionDigits?: number;
  maximumFractionDigits?: number;
}

export function format(num: number, options?: FormatOptions): string;
