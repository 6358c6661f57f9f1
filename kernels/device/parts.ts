/**
 * Tables in parts: rows that are too many for one buffer lie in several, each of equally many rows but the
 * last. Kernels work on a part at a time, or bind several (part_bindings.ts).
 */

import { sizeOf } from "./dtype.ts";
import { makeTable, partsOf, storageIn, type Tensor } from "./tensor.ts";

/** Rows of a part are a multiple of this, so that every row number that is one, too, begins a slice. */
const PART_STEP = 64;

/**
 * The shapes of the parts of a table, of at most `maxBytes` each unless 64 rows are more. A part of a table of
 * 16-bit floats has no more rows: its gradient and what an optimizer keeps are 32-bit floats in the same parts.
 */
export function partShapes([V, ...row]: readonly number[], maxBytes: number): number[][] {
  const rowBytes = 4 * sizeOf(row);
  if (V! * rowBytes <= maxBytes) return [[V!, ...row]];
  const rows = Math.max(1, Math.floor(maxBytes / rowBytes / PART_STEP)) * PART_STEP;
  return Array.from({ length: Math.ceil(V! / rows) }, (_, i) => {
    return [Math.min(rows, V! - i * rows), ...row];
  });
}

/** The shape of the smallest part that a table of this shape can be divided into. */
export function smallestPart(shape: readonly number[]): number[] {
  return shape.map((size, i) => i === 0 ? Math.min(size, PART_STEP) : size);
}

/** Whether a table lies in several buffers. */
export function isInParts(table: Tensor): boolean {
  return partsOf(table).length > 1;
}

/** The rows at which a part of one of `tables` begins, rising, without 0. */
export function partEdges(...tables: readonly Tensor[]): number[] {
  const edges = new Set<number>();
  for (const table of tables) {
    let end = 0;
    for (const part of partsOf(table).slice(0, -1)) edges.add(end += part.shape[0]!);
  }
  return [...edges].sort((a, b) => a - b);
}

/**
 * A tensor in the same parts as `tensor`, and of the same shard: `make` gets the shape of each part, and keeps the
 * number of rows.
 */
export function madeLike(tensor: Tensor, make: (shape: readonly number[]) => Tensor): Tensor {
  const parts = partsOf(tensor).map(({ shape }) => make(shape)), [first] = parts;
  const made = parts.length === 1
    ? first!
    : makeTable(parts, [tensor.shape[0]!, ...first!.shape.slice(1)]);
  if (tensor.shard) made.shard = tensor.shard;
  return made;
}

/**
 * Slices of `tables`, which have equally many rows, each within one buffer, and the number of their first row:
 * the tables themselves if none is in parts. `stack` disposes of them.
 */
export function slicesOf<const Tables extends readonly Tensor[]>(
  stack: DisposableStack,
  tables: Tables,
): [slices: Tables, first: number][] {
  if (!tables.some(isInParts)) return [[tables, 0]];
  const edges = [0, ...partEdges(...tables)], V = tables[0]!.shape[0]!;
  return edges.map((first, i) => {
    const count = (edges[i + 1] ?? V) - first;
    const slices = tables.map((table) => stack.use(table.slice(first, count)));
    return [slices as unknown as Tables, first];
  });
}

/** Calls `use` with the same slices. */
export function forEachSlice<const Tables extends readonly Tensor[]>(
  tables: Tables,
  use: (slices: Tables, first: number) => void,
): void {
  using stack = new DisposableStack();
  for (const [slices, first] of slicesOf(stack, tables)) use(slices, first);
}

/** How often the content of `tensor` has changed. */
export function versionOf(tensor: Tensor): number {
  return partsOf(tensor).reduce((sum, part) => sum + storageIn(part).version, 0);
}
