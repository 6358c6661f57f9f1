/** Activations and inner products of rows in float64. */

import type { Oracle } from "./oracle.ts";

/** An elementwise function with its derivative, given as a function of the argument. */
function elementwise(f: (x: number) => number, derivative: (x: number) => number): Oracle {
  return (x) => ({
    output: x.map(f),
    backward: (dOutput) => [dOutput.map((d, i) => d * derivative(x[i]!))],
  });
}

/** `max(x, 0)` */
export const relu = elementwise((x) => Math.max(x, 0), (x) => x > 0 ? 1 : 0);

/** `1 / (1 + e^-x)` */
export const sigmoid = elementwise(
  (x) => 1 / (1 + Math.exp(-x)),
  (x) => 1 / ((1 + Math.exp(-x)) * (1 + Math.exp(x))),
);

/** The hyperbolic tangent. */
export const tanh = elementwise(Math.tanh, (x) => 1 / Math.cosh(x) ** 2);

/** `out[n] = a[n] . b[n]` for rows of `width`. */
export function rowDot(width: number): Oracle {
  return (a, b) => {
    const output = new Float64Array(a.length / width);
    a.forEach((x, i) => output[Math.floor(i / width)]! += x * b![i]!);
    const scaled = (other: Float64Array, dOutput: Float64Array) =>
      other.map((x, i) => x * dOutput[Math.floor(i / width)]!);
    return { output, backward: (dOutput) => [scaled(b!, dOutput), scaled(a, dOutput)] };
  };
}
