/** Compares a run's output with a snapshot. */

import { assertEquals, assertMatch } from "@std/assert";

/** Patterns of output that depends on the clock or the device, by their masks in a snapshot. */
const MASKS: Readonly<Record<string, string>> = {
  adapter: ".+",
  duration: "(?:\\d+h\\d\\dm|\\d+m\\d\\ds|\\d+s)",
  rate: "[1-9][\\d,]*",
};

/** Relative tolerance of numbers between adapters. */
const RELATIVE = 0.002;

/**
 * Throws unless the lines match the snapshot. In it, `{rate}` and the other masks match any value of their
 * kind. `{12.34}` matches a number with as many decimals that differs only by another adapter's rounding.
 * Everything else must be equal.
 */
export function assertPrinted(lines: readonly string[], snapshot: readonly string[]): void {
  const shown = lines.map((line, i) => isLike(line, snapshot[i]) ? snapshot[i]! : line);
  assertEquals(shown, [...snapshot]);
}

function isLike(line: string, expected: string | undefined): boolean {
  if (expected === undefined) return false;
  const numbers: string[] = [];
  const pattern = expected.split(/\{([^{}]+)\}/).map((part, i) => {
    if (i % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    if (part in MASKS) return MASKS[part]!;
    assertMatch(part, /^[\d,]+(\.\d+)?$/);
    numbers.push(part);
    const decimals = decimalsOf(part);
    return decimals === 0 ? "([\\d,]+)" : `([\\d,]+\\.\\d{${decimals}})`;
  }).join("");
  const found = new RegExp(`^${pattern}$`).exec(line)?.slice(1);
  return found !== undefined && numbers.every((number, i) => isNear(found[i]!, number));
}

function isNear(found: string, expected: string): boolean {
  const [a, b] = [found, expected].map((text) => Number(text.replaceAll(",", "")));
  return Math.abs(a! - b!) <= RELATIVE * b! + 1.001 * 10 ** -decimalsOf(expected);
}

function decimalsOf(number: string): number {
  return number.split(".")[1]?.length ?? 0;
}
