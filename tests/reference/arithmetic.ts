/** Elementwise arithmetic, sums and masks in float64. */

import type { Oracle } from "./oracle.ts";

/** `a + b` */
export const add: Oracle = (a, b) => ({
  output: a.map((x, i) => x + b![i]!),
  backward: (dOutput) => [dOutput.slice(), dOutput.slice()],
});

/** `a * b` */
export const multiply: Oracle = (a, b) => ({
  output: a.map((x, i) => x * b![i]!),
  backward: (dOutput) => [dOutput.map((d, i) => d * b![i]!), dOutput.map((d, i) => d * a[i]!)],
});

/** `factor * a + offset` */
export function affine(factor: number, offset: number): Oracle {
  return (a) => ({
    output: a.map((x) => factor * x + offset),
    backward: (dOutput) => [dOutput.map((d) => factor * d)],
  });
}

/** Sum of `weight * a` over all elements, as an array of one. */
export function weightedSum(weight: ArrayLike<number>): Oracle {
  return (a) => ({
    output: Float64Array.of(a.reduce((sum, x, i) => sum + weight[i]! * x, 0)),
    backward: (dOutput) => [a.map((_, i) => dOutput[0]! * weight[i]!)],
  });
}

/** Sum of all elements, as an array of one. */
export const sum: Oracle = (a) => weightedSum(new Float64Array(a.length).fill(1))(a);

/** Mean of all elements, as an array of one. */
export const mean: Oracle = (a) => weightedSum(new Float64Array(a.length).fill(1 / a.length))(a);

/** `out[m] = sum over r of a[r, m]` for `a` [rows, width]. */
export function columnSums(a: ArrayLike<number>, width: number): Float64Array {
  const out = new Float64Array(width);
  for (let i = 0; i < a.length; i++) out[i % width]! += a[i]!;
  return out;
}
