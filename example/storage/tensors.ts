/** Tensors on the way to a file and back, some rows at a time: a table may be larger than what is left of memory. */

import type { Gpu, Tensor } from "../../mod.ts";
import type { ByteSource } from "../shared/files.ts";

/** Bytes that are on the way together. */
const BYTES = 1 << 22;
const FLOAT_BYTES = 4;
/** Slices begin at multiples of so many rows: so they are aligned, whatever a row's width is. */
const GROUP = 64;

/** Numbers that are read in parts. */
export interface NumberSource {
  /** How many there are. */
  readonly size: number;
  /** Those from `begin` up to `end`, valid until the next call. */
  read(begin: number, end: number): Float32Array<ArrayBuffer>;
}

/** The 32-bit floats of a file from byte `begin` up to `end`, read into the same memory each time. */
export function floatsOf(
  file: ByteSource,
  { begin, end }: { readonly begin: number; readonly end: number },
): NumberSource {
  let memory = new Uint8Array();
  return {
    size: (end - begin) / FLOAT_BYTES,
    read(first, last) {
      const size = FLOAT_BYTES * (last - first), at = begin + FLOAT_BYTES * first;
      if (memory.length < size) memory = new Uint8Array(size);
      const bytes = file.read(at, at + size, memory), { buffer, byteOffset } = bytes;
      if (byteOffset % FLOAT_BYTES > 0) return new Float32Array(bytes.slice().buffer);
      return new Float32Array(buffer, byteOffset, last - first);
    },
  };
}

/** All numbers, some at a time, each time with the place of the first. */
export function* partsOf(
  { size, read }: NumberSource,
): Generator<readonly [at: number, numbers: Float32Array<ArrayBuffer>]> {
  const most = BYTES / FLOAT_BYTES;
  for (let at = 0; at < size; at += most) yield [at, read(at, Math.min(size, at + most))];
}

/** The bytes of numbers. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Gives the elements of a tensor to `write`, some rows at a time; ids become floats. */
export async function readRows(
  gpu: Gpu,
  tensor: Tensor,
  write: (numbers: Float32Array, at: number) => void,
): Promise<void> {
  const width = tensor.size / tensor.shape[0]!;
  for (const [start, rows] of rowsOf(tensor)) {
    using _rows = rows;
    write(await readFloats(gpu, rows), start * width);
  }
}

/** The elements of a tensor; ids become floats. */
export async function readFloats(gpu: Gpu, tensor: Tensor): Promise<Float32Array> {
  const numbers = await gpu.read(tensor);
  return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
}

/** Fills a tensor with numbers, some rows at a time; they become ids if it has ids. */
export function fillRows(gpu: Gpu, tensor: Tensor, { read }: NumberSource): void {
  const width = tensor.size / tensor.shape[0]!;
  for (const [start, rows] of rowsOf(tensor)) {
    using _rows = rows;
    const numbers = read(start * width, start * width + rows.size);
    gpu.write(rows, tensor.dtype === "u32" ? Uint32Array.from(numbers) : numbers);
    gpu.device.queue.submit([]); // what was written is held twice until something is submitted
  }
}

/** The rows of a tensor in slices of bounded size, each with its first row; the caller owns them. */
function* rowsOf(tensor: Tensor): Generator<readonly [start: number, rows: Tensor]> {
  const rows = tensor.shape[0]!, groups = BYTES / (tensor.bytes / rows) / GROUP;
  const most = GROUP * Math.max(1, Math.floor(groups));
  for (let start = 0; start < rows; start += most) {
    yield [start, tensor.slice(start, Math.min(most, rows - start))];
  }
}
