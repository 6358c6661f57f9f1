/** Types of std's formatting of byte sizes, as in JSR's `@std/fmt/bytes`. */

export function format(num: number): string;
