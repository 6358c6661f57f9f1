/** Kernels that bind several parts of a table, so that few launches reach rows anywhere in it. */

import type { Device } from "./device.ts";
import { partsOf, type Tensor } from "./tensor.ts";

/** Bindings of a launch at most, where the device has more: longer kernels gain little. */
const MAX_BINDINGS = 32;
/** Buffers of a kernel on Metal: wgpu reports them as the limit, but takes two, for uniforms and lengths of arrays. */
const METAL_BUFFERS = 31;

/** Parts of tables that one launch binds. */
export interface BoundParts {
  /** The parts, those of the first table before those of the second. */
  readonly tensors: readonly Tensor[];
  /** Parts of each table. */
  readonly count: number;
  /** Number of their first row. */
  readonly first: number;
  /** Rows of each part, or more than the last one has. */
  readonly rows: number;
}

/**
 * As many parts of `tables` at a time as a launch can bind beside `others` tensors. The tables have the same
 * parts, and each kernel of {@linkcode forParts} finds the rows of its own.
 */
export function boundParts(gpu: Device, tables: readonly Tensor[], others: number): BoundParts[] {
  const lists = tables.map(partsOf), sizes = rowCounts(lists[0]!);
  if (lists.every((list) => list.length === 1 && list[0]!.shape[0] === sizes[0])) {
    return [{ tensors: tables, count: 1, first: 0, rows: sizes[0]! }];
  }
  if (lists.some((list) => rowCounts(list).join() !== sizes.join())) {
    throw new TypeError("Cannot bind tables together: they lie in different parts");
  }
  const most = setsBound(gpu, tables.length, others);
  const bound: BoundParts[] = [];
  for (let at = 0, first = 0; at < sizes.length;) {
    const count = together(sizes.slice(at, at + most), at + most >= sizes.length);
    const some = lists.map((list) => list.slice(at, at + count)), rows = sizes[at]!;
    bound.push({ tensors: some.flat(), count, first, rows });
    at += count;
    first += count * rows;
  }
  return bound;
}

/** How many sets of `size` tensors each a launch can bind beside `others`. */
export function setsBound(gpu: Device, size: number, others: number): number {
  const limit = gpu.device.limits.maxStorageBuffersPerShaderStage;
  const bindings = limit === METAL_BUFFERS ? METAL_BUFFERS - 2 : Math.min(MAX_BINDINGS, limit);
  return Math.max(1, Math.floor((bindings - others) / size));
}

function rowCounts(parts: readonly Tensor[]): number[] {
  return parts.map((part) => part.shape[0]!);
}

/**
 * How many of parts of so many rows have as many as the first: the first one of a slice may be smaller. So
 * may be the table's last, if `last` says that it is among them.
 */
function together(sizes: readonly number[], last: boolean): number {
  const [rows] = sizes, other = sizes.findIndex((size) => size !== rows);
  if (other < 0) return sizes.length;
  return last && other === sizes.length - 1 && sizes[other]! < rows! ? other + 1 : other;
}
