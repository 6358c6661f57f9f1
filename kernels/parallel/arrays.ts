/** Arrays of numbers: read from the GPU together, since every read waits, joined for a message, and taken apart. */

import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";

/** Bytes that are packed on the GPU to be read at once. */
const PACKED_BYTES = 64 * 2 ** 20;

/** Reads tensors of one type, packed into one on the GPU if they fit. */
export async function readTogether(
  step: Step,
  tensors: readonly Tensor[],
): Promise<(Float32Array | Uint32Array)[]> {
  const { gpu } = step, size = tensors.reduce((sum, tensor) => sum + tensor.size, 0);
  if (tensors.length < 2 || 4 * size > Math.min(PACKED_BYTES, gpu.maxTensorBytes)) {
    return await Promise.all(tensors.map((tensor) => gpu.read(tensor)));
  }
  const packed = step.tensor([size], tensors[0]!.dtype);
  let at = 0;
  for (const tensor of tensors) {
    gpu.copy(tensor, packed, { toStart: at });
    at += tensor.size;
  }
  const all = await gpu.read(packed);
  at = 0;
  return tensors.map((tensor) => all.subarray(at, at += tensor.size));
}

/** The numbers of each tensor, {@linkcode readTogether}. */
export async function readByTensor<T extends Float32Array | Uint32Array>(
  step: Step,
  tensors: readonly Tensor[],
): Promise<ReadonlyMap<Tensor, T>> {
  const arrays = await readTogether(step, tensors) as T[];
  return new Map(tensors.map((tensor, i) => [tensor, arrays[i]!]));
}

/** The arrays, one after another. */
export function concatenated<T extends Float32Array | Uint32Array>(
  Numbers: new (size: number) => T,
  arrays: readonly T[],
): T {
  const all = new Numbers(arrays.reduce((sum, array) => sum + array.length, 0));
  let at = 0;
  for (const array of arrays) all.set(array, at), at += array.length;
  return all;
}

/** Gives the next `count` elements of array `k` at each call, from the first on. */
export type Reader<T> = (k: number, count: number) => T;

/** A reader of these arrays. */
export function readerOf<T extends Float32Array | Uint32Array>(arrays: readonly T[]): Reader<T> {
  const at = arrays.map(() => 0);
  return (k, count) => arrays[k]!.subarray(at[k], at[k]! += count) as T;
}

/** The numbers of the lists, each once, rising. */
export function distinct(lists: readonly Uint32Array[]): Uint32Array<ArrayBuffer> {
  const sorted = concatenated(Uint32Array, lists).sort();
  return sorted.filter((number, i) => i === 0 || number !== sorted[i - 1]);
}

/** The sum of the squares, in float64. */
export function sumOfSquares(values: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i]! ** 2;
  return squares;
}
