/** Element types, and the arrays that hold elements on the CPU. */

import { show } from "./expect.ts";

/**
 * Element type of a tensor: 32-bit floats, or unsigned integers for ids; 16-bit floats only for the copies of
 * weights that {@linkcode AdapterOptions.compute} is about.
 */
export type DType = "f32" | "u32" | "f16";

/** The typed array that holds a tensor's elements on the CPU. */
export type TensorData = Float32Array | Uint32Array;

/** The largest id of `data` plus 1. */
export function idLimitOf(data: TensorData): number {
  let largest = 0;
  for (let i = 0; i < data.length; i++) if (data[i]! > largest) largest = data[i]!;
  return largest + 1;
}

/** Bytes of an element. */
export function elementBytes(dtype: DType): number {
  return dtype === "f16" ? 2 : 4;
}

/** The element type of `data`; throws a TypeError unless it is a Float32Array or a Uint32Array. */
export function dtypeOf(doing: string, data: unknown): DType {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Uint32Array) return "u32";
  throw new TypeError(
    `Cannot ${doing} ${
      show(data)
    }: give numbers as Float32Array.from(...), ids as Uint32Array.from(...)`,
  );
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, 1);
}

/** The element type of `data` for `what`, of this shape; throws a TypeError unless it has as many elements. */
export function expectData(what: string, shape: readonly number[], data: TensorData): DType {
  const dtype = dtypeOf(`make ${what} of`, data);
  if (data.length === sizeOf(shape)) return dtype;
  throw new TypeError(`Cannot make ${what} of ${data.length} elements`);
}
