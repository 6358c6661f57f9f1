/** Tables that are divided among ranks: each holds some rows. */

import { expectInteger, expectObject, expectPositive } from "./expect.ts";

/** Which rows of a table a rank holds: those whose number is `rank` modulo `ranks`. */
export interface Shard {
  /** The number of the rank, from 0. */
  readonly rank: number;
  /** The number of ranks; with one, it holds all rows. */
  readonly ranks: number;
}

/** The shard of a table of so many rows. */
export interface TableShard extends Shard {
  /** V, the rows of the whole table. */
  readonly rows: number;
}

/** Throws a RangeError or a TypeError unless `shard` is one of a table of `rows` rows, and has some. */
export function expectShard(doing: string, shard: Shard, rows: number): void {
  expectObject(doing, "shard", shard, "a shard");
  const { rank, ranks } = shard;
  expectPositive(doing, "ranks", ranks);
  expectInteger(doing, "rank", rank, ranks - 1);
  if (ranks <= rows) return;
  throw new RangeError(`Cannot ${doing}: ${rows} rows cannot be divided among ${ranks} ranks`);
}

/** How many rows the shard has. */
export function shardRows({ rank, ranks, rows }: TableShard): number {
  return Math.ceil((rows - rank) / ranks);
}

/** The shard's rows of `whole`, a table [V, width]. */
export function ownRows(
  whole: Float32Array,
  width: number,
  { rank, ranks }: Shard,
): Float32Array<ArrayBuffer> {
  const V = whole.length / width, own = new Float32Array(Math.ceil((V - rank) / ranks) * width);
  for (let row = rank, at = 0; row < V; row += ranks, at += width) {
    own.set(whole.subarray(row * width, (row + 1) * width), at);
  }
  return own;
}
