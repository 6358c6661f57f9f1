/** Tensors on the way to a file and back, some rows at a time: a table may be larger than what is left of memory. */

import type { Gpu, Tensor } from "../../mod.ts";
import { ownRows, shardRows } from "../../kernels/mod.ts";
import type { ByteSource } from "../shared/files.ts";

/** Bytes that are on the way together. */
const BYTES_AT_ONCE = 1 << 22;
const FLOAT_BYTES = 4;
/** Slices begin at multiples of so many of their rows: so they are aligned, whatever a row's width is. */
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
export function* readInParts(
  { size, read }: NumberSource,
): Generator<readonly [at: number, numbers: Float32Array<ArrayBuffer>]> {
  const most = BYTES_AT_ONCE / FLOAT_BYTES;
  for (let at = 0; at < size; at += most) yield [at, read(at, Math.min(size, at + most))];
}

/** Some rows of a tensor; of a shard, of the whole table. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** Reads the rows of a range; of a table that is divided, those of all ranks. */
export type ReadRange = (tensor: Tensor, range: RowRange) => Promise<Float32Array>;

/** The shape of a tensor, or of the whole table of which it is a shard. */
export function wholeShape({ shape, shard }: Tensor): number[] {
  return shape.map((size, i) => i === 0 && shard ? shard.rows : size);
}

/** The rows of a tensor, or of the whole table, in ranges of bounded size. */
export function* rowRanges(tensor: Tensor): Generator<RowRange> {
  const [rows] = wholeShape(tensor), group = GROUP * (tensor.shard?.ranks ?? 1);
  const rowBytes = tensor.bytes / tensor.shape[0]!;
  const most = group * Math.max(1, Math.floor(BYTES_AT_ONCE / rowBytes / group));
  for (let first = 0; first < rows!; first += most) {
    yield { first, count: Math.min(most, rows! - first) };
  }
}

/** What this process has of a range; undefined if it has nothing. */
function ownSlice(tensor: Tensor, { first, count }: RowRange): Tensor | undefined {
  const { shard } = tensor;
  if (!shard) return tensor.slice(first, count);
  const begin = first / shard.ranks, end = shardRows({ ...shard, rows: first + count });
  return end > begin ? tensor.slice(begin, end - begin) : undefined;
}

/** The elements that this process has of a range; ids become floats. */
export async function readOwn(gpu: Gpu, tensor: Tensor, range: RowRange): Promise<Float32Array> {
  using own = ownSlice(tensor, range);
  return own ? await readFloats(gpu, own) : new Float32Array();
}

/** Overwrites what this process has of a range; numbers become ids if the tensor has ids. */
export function writeOwn(
  gpu: Gpu,
  tensor: Tensor,
  range: RowRange,
  numbers: Float32Array<ArrayBuffer>,
): void {
  using own = ownSlice(tensor, range);
  if (own) gpu.write(own, tensor.dtype === "u32" ? Uint32Array.from(numbers) : numbers);
  gpu.device.queue.submit([]); // what was written is held twice until something is submitted
}

/**
 * Gives the elements of a tensor to `write`, some rows at a time; ids become floats.
 *
 * @param read How a range is read; without it, the tensor must be no shard.
 */
export async function readRows(
  gpu: Gpu,
  tensor: Tensor,
  write: (numbers: Float32Array, at: number) => void,
  read: ReadRange = (tensor, range) => readOwn(gpu, tensor, range),
): Promise<void> {
  const width = tensor.size / tensor.shape[0]!;
  for (const range of rowRanges(tensor)) write(await read(tensor, range), range.first * width);
}

/** The elements of a tensor; ids become floats. */
export async function readFloats(gpu: Gpu, tensor: Tensor): Promise<Float32Array> {
  const numbers = await gpu.read(tensor);
  return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
}

/** Fills a tensor with numbers, or a shard with its rows of them, some at a time; they become ids if it has ids. */
export function fillRows(gpu: Gpu, tensor: Tensor, { read }: NumberSource): void {
  const width = tensor.size / tensor.shape[0]!, { shard } = tensor;
  for (const range of rowRanges(tensor)) {
    const { first, count } = range, numbers = read(first * width, (first + count) * width);
    writeOwn(gpu, tensor, range, shard ? ownRows(numbers, width, shard) : numbers);
  }
}
