/** 16-bit floats, in float64: rounded at random, as tables store them, or to the nearest, as products read weights. */

import { philox, type RandomKey, seedWords, unitFloat } from "../../kernels/random/philox.ts";

/** The largest finite 16-bit float, the smallest with 11 bits, and the smallest of all. */
export const LARGEST = 65504, NORMAL = 2 ** -14, SMALLEST = 2 ** -24;

/** `value` as a 16-bit float: the next larger one in size if the random `word` says so. */
export function roundedHalf(value: number, word: number): number {
  const size = Math.abs(value);
  if (Number.isNaN(value) || size >= 2 ** 16) return Math.sign(value) * Infinity;
  const isNormal = size >= NORMAL;
  const unit = isNormal ? 2 ** (Math.floor(Math.log2(size)) - 10) : SMALLEST;
  const units = Math.floor(size / unit), rest = size / unit - units;
  const up = isNormal ? 8192 * rest + (word & 8191) >= 8192 : unitFloat(word) < rest;
  const rounded = (units + Number(up)) * unit;
  const sign = value < 0 || Object.is(value, -0) ? -1 : 1;
  return sign * (rounded > LARGEST ? Infinity : rounded);
}

/** The random word of element `i` of a table. */
export function roundingWord(i: number, { seed, stream, step }: RandomKey): number {
  return philox([Math.floor(i / 4), step, stream, 1], seedWords(seed))[i % 4]!;
}

/** The elements of a table, from element `first` on, as it stores `values`. */
export function storedHalves(
  values: ArrayLike<number>,
  key: RandomKey,
  first = 0,
): Float32Array {
  return Float32Array.from(values, (x, i) => roundedHalf(x, roundingWord(first + i, key)));
}

/** The function of inputs of which those at these places are rounded to 16 bits: gradients are the rounded ones'. */
export function readInHalf<Result>(
  of: (...inputs: Float64Array[]) => Result,
  ...places: readonly number[]
): (...inputs: Float64Array[]) => Result {
  return (...inputs) => of(...inputs.map((x, i) => places.includes(i) ? inHalf(x) : x));
}

/** Each number rounded to the nearest of 16 bits. */
export function inHalf<Numbers extends Float32Array | Float64Array>(numbers: Numbers): Numbers {
  return numbers.map((x) => Math.f16round(x)) as Numbers;
}
