/** Tables that are divided among ranks: each holds some rows. */

import { dtypeOf } from "./dtype.ts";
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

/**
 * Throws a RangeError or a TypeError unless `shard` is undefined or one of a table of `rows` rows, of which every
 * rank has some.
 */
export function expectShard(doing: string, shard: Shard | undefined, rows: number): void {
  if (shard === undefined) return;
  expectRank(doing, shard);
  if (shard.ranks <= rows) return;
  throw new RangeError(
    `Cannot ${doing}: ${rows} rows cannot be divided among ${shard.ranks} ranks`,
  );
}

function expectRank(doing: string, shard: Shard): void {
  expectObject(doing, "shard", shard, "a shard");
  const { rank, ranks } = shard;
  expectPositive(doing, "ranks", ranks);
  expectInteger(doing, "rank", rank, ranks - 1);
}

/** How many of `n` things a rank has that takes those numbered `rank`, `rank + ranks`, and so on. */
export function shareOf(n: number, { rank, ranks }: Shard): number {
  return Math.max(0, Math.ceil((n - rank) / ranks));
}

/** How many rows the shard has. Throws a RangeError or a TypeError if it is not a shard. */
export function shardRows(shard: TableShard): number {
  expectRank("count rows", shard);
  expectPositive("count rows", "rows", shard.rows);
  return shareOf(shard.rows, shard);
}

/**
 * The shard's rows of `whole`, a table [V, width].
 *
 * @throws {RangeError | TypeError} If it is not such a table, or `shard` not a shard.
 */
export function ownRows(
  whole: Float32Array,
  width: number,
  shard: Shard,
): Float32Array<ArrayBuffer> {
  expectPositive("pick rows", "width", width);
  if (dtypeOf("pick rows", whole) !== "f32" || whole.length === 0 || whole.length % width > 0) {
    throw new TypeError(`Cannot pick rows: ${whole.length} numbers are no floats [V, ${width}]`);
  }
  expectRank("pick rows", shard);
  const rows = whole.length / width, { rank, ranks } = shard;
  const own = new Float32Array(shareOf(rows, shard) * width);
  for (let row = rank, at = 0; row < rows; row += ranks, at += width) {
    own.set(whole.subarray(row * width, (row + 1) * width), at);
  }
  return own;
}
