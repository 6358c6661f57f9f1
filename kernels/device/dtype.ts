/** Element types, and the arrays that hold elements on the CPU. */

import { expectOneOf, expectSizes, show } from "./expect.ts";

/** Element type of a table of floats: of 32 bits, or of 16 bits in half the memory. */
export type TableDType = "f32" | "f16";

/**
 * Element type of a tensor: 32-bit floats, unsigned integers for ids, or 16-bit floats, which only tables have,
 * and copies of weights ({@linkcode AdapterOptions.compute}).
 */
export type DType = TableDType | "u32";
/** All element types. */
export const DTYPES: readonly DType[] = ["f32", "u32", "f16"];

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

/**
 * Bytes of a tensor of this shape. Throws a RangeError for 16-bit floats in rows of an odd number: they lie in
 * pairs, and a pair in one row.
 */
export function tensorBytes(shape: readonly number[], dtype: DType): number {
  const width = sizeOf(shape.slice(1));
  if (dtype !== "f16" || width % 2 === 0) return sizeOf(shape) * elementBytes(dtype);
  throw new RangeError(
    `Cannot make a table [${shape}] of f16: its rows have ${width} elements; make them an even number`,
  );
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
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** The element type of `data` for `what`, of this shape; throws a TypeError unless it has as many elements. */
function expectData(what: string, shape: readonly number[], data: TensorData): DType {
  const dtype = dtypeOf(`make ${what} of`, data);
  if (data.length === sizeOf(shape)) return dtype;
  throw new TypeError(`Cannot make ${what} of ${data.length} elements`);
}

/** Throws unless it is a shape, of which a device binds 32-bit numbers: a RangeError if they are too many. */
export function expectFits(
  shape: readonly number[],
  { name, maxTensorBytes }: { readonly name: string; readonly maxTensorBytes: number },
): void {
  expectSizes("make a tensor", shape);
  const bytes = 4 * sizeOf(shape);
  if (bytes <= maxTensorBytes) return;
  throw new RangeError(
    `Cannot make a tensor [${shape}] of ${bytes} bytes: ${name} binds at most ${maxTensorBytes}; a ` +
      "table of many rows may be larger (gpu.table)",
  );
}

/** What the elements of `what`, of this shape, are stored as: as `dtype` if given, else those of `data`. */
export function storedAs(
  what: string,
  shape: readonly number[],
  data: TensorData | undefined,
  dtype?: TableDType,
): DType {
  const given = data === undefined ? "f32" : expectData(what, shape, data);
  if (dtype === undefined) return given;
  expectOneOf(`make ${what}`, "dtype", dtype, given === "u32" ? ["u32"] : ["f32", "f16"]);
  return dtype;
}

/** Throws a TypeError unless a tensor can take `data`. */
export function expectWritable(
  { shape, size, dtype }: { shape: readonly number[]; size: number; dtype: DType },
  data: TensorData,
): void {
  const given = dtypeOf("write", data);
  if (data.length === size && given === (dtype === "u32" ? "u32" : "f32")) return;
  throw new TypeError(`Cannot write ${given} [${data.length}] to ${dtype} [${shape}]`);
}
