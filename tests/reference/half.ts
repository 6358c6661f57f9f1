/** Weights that products read in 16 bits. */

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
