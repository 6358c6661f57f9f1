/** Test data that looks random and is the same in every run. */

import { sizeOf } from "../../kernels/device/dtype.ts";
import { Philox } from "../../kernels/random/philox.ts";

const STREAM = 1000; // far from the streams that modules take

/** `n` floats uniform in [-scale, scale). */
export function values(n: number, seed: number, scale = 1): Float32Array {
  const random = new Philox(seed, STREAM);
  return Float32Array.from({ length: n }, () => scale * (2 * random.uniform() - 1));
}

/** Data of these shapes in float64. */
export function exact(shapes: readonly (readonly number[])[]): Float64Array[] {
  return shapes.map((shape, i) => Float64Array.from(values(sizeOf(shape), i + 1)));
}

/** `n` ids below `classes`. */
export function randomIds(n: number, classes: number, seed: number): Uint32Array {
  const random = new Philox(seed, STREAM + 1);
  return Uint32Array.from({ length: n }, () => random.below(classes));
}

/** ln q of `n` ids: between -12 and 0, as of a Zipf distribution. */
export function logProbabilities(n: number, seed: number): Float32Array {
  return values(n, seed, 6).map((x) => x - 6);
}
