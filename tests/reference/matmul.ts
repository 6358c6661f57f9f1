/** Matrix product in float64, with a bound on what float32 may differ by. */

/** A product's sizes and variant: op(a) is [m, k], op(b) is [k, n]. */
export interface Product {
  m: number;
  n: number;
  k: number;
  transposeA?: boolean;
  transposeB?: boolean;
}

/** `op(a) op(b) + bias + before` and, for each element, the error that float32 may make. */
export function referenceMatmul(
  a: Float32Array,
  b: Float32Array,
  { m, n, k, transposeA = false, transposeB = false }: Product,
  bias?: Float32Array,
  before?: Float32Array,
): { expected: Float64Array; bound: Float64Array } {
  const [rowA, stepA] = transposeA ? [1, m] : [k, 1];
  const [columnB, stepB] = transposeB ? [k, 1] : [1, n];
  // Roundings of k products and sums behave like a random walk: half an ulp, times sqrt(k).
  const relative = 2 ** -24 * (4 + 2 * Math.sqrt(k));
  const expected = new Float64Array(m * n), bound = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = (bias?.[j] ?? 0) + (before?.[i * n + j] ?? 0);
      let magnitude = Math.abs(bias?.[j] ?? 0) + Math.abs(before?.[i * n + j] ?? 0);
      for (let s = 0; s < k; s++) {
        const term = a[i * rowA + s * stepA]! * b[j * columnB + s * stepB]!;
        sum += term;
        magnitude += Math.abs(term);
      }
      expected[i * n + j] = sum;
      bound[i * n + j] = relative * magnitude;
    }
  }
  return { expected, bound };
}

/** Throws unless every element is within its bound; NaN and infinity never are. */
export function assertWithin(
  actual: Float32Array,
  { expected, bound }: { expected: Float64Array; bound: Float64Array },
  what: string,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} elements, expected ${expected.length}`);
  }
  expected.forEach((value, i) => {
    const difference = Math.abs(actual[i]! - value);
    if (!(difference <= bound[i]!)) {
      throw new Error(
        `${what}: element ${i} is ${actual[i]}, expected ${value} within ${bound[i]}`,
      );
    }
  });
}

/** Numbers in [-1, 1) that look random and are the same in every run. */
export function numbers(length: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Numbers of unequal sizes, whose sum in float32 shows the order of additions. */
export function unequal(n: number): Float32Array {
  return numbers(n, n).map((x, i) => x * 10 ** (i % 3));
}

/** `start` and the `terms`, added up in float32 in order. */
export function inOrder(terms: Float32Array, start = 0): number {
  return terms.reduce((sum, term) => Math.fround(sum + term), start);
}
