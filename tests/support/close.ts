/** Comparison of float arrays: reports the worst element, and never lets NaN or infinity pass. */

/** A difference of at most `atol + rtol * |expected|` is close. */
export interface Tolerance {
  atol?: number;
  rtol?: number;
}

/** Throws unless every element of `actual` is close to that of `expected`. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { atol = 1e-6, rtol = 1e-5 }: Tolerance = {},
  what = "array",
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} elements, expected ${expected.length}`);
  }
  let worst = -1, excess = 1;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    const allowed = atol + rtol * Math.abs(expected[i]!);
    if (!(difference <= allowed)) {
      const ratio = Number.isNaN(difference) ? Infinity : difference / allowed;
      if (ratio >= excess) worst = i, excess = ratio;
    }
  }
  if (worst >= 0) {
    throw new Error(
      `${what}: element ${worst} is ${actual[worst]}, expected ${expected[worst]} ` +
        `(atol ${atol}, rtol ${rtol}, of ${expected.length} elements)`,
    );
  }
}

/** Flattens a nested list of numbers. */
export function flat(nested: unknown): number[] {
  return Array.isArray(nested) ? nested.flatMap(flat) : [Number(nested)];
}
