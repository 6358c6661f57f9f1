/** Rows that each rank has of its own, gathered on all ranks. */

import { UNUSED } from "../accumulate/merge_rows.ts";
import { concatenated, readerOf } from "./arrays.ts";
import type { Communicator } from "./communicator.ts";

/** Rows of some tables that have the same ids. */
export interface Rows {
  readonly ids: Uint32Array;
  /** Of each table the numbers in a row. */
  readonly widths: readonly number[];
  /** [ids, width] of each table. */
  readonly values: readonly Float32Array[];
}

/**
 * Gathers the rows of all ranks, rank by rank. Unused ids stay behind.
 *
 * Two messages: a header, which is `dense` and what the tables are, with how many ids each of `own` has and the
 * ids; and the values.
 *
 * @param dense How many numbers the ranks are going to sum besides.
 * @throws {TypeError} If the ranks have another number of dense elements, or other tables.
 */
export async function gatherRows(
  communicator: Communicator,
  dense: number,
  own: readonly Rows[],
): Promise<Rows[]> {
  const used = own.map(usedOf), ranks = [...new Array(communicator.size).keys()];
  const header = Uint32Array.of(dense, own.length, ...own.flatMap(({ widths }) => widths));
  const counts = Uint32Array.from(used, ({ ids }) => ids.length);
  const nextIds = readerOf(
    await communicator.gather(
      concatenated(Uint32Array, [header, counts, ...used.map(({ ids }) => ids)]),
    ),
  );
  const headers = ranks.map((k) => nextIds(k, header.length));
  expectEqual(communicator.rank, header, headers);
  const theirs = ranks.map((k) => nextIds(k, counts.length));
  const nextValues = readerOf(
    await communicator.gather(concatenated(Float32Array, used.flatMap(({ values }) => values))),
  );
  return own.map(({ widths }, i) => ({
    ids: concatenated(Uint32Array, ranks.map((k) => nextIds(k, theirs[k]![i]!))),
    widths,
    values: widths.map((width) =>
      concatenated(Float32Array, ranks.map((k) => nextValues(k, theirs[k]![i]! * width)))
    ),
  }));
}

/** The rows without the unused ids, which come last. */
function usedOf({ ids, widths, values }: Rows): Rows {
  const unused = ids.indexOf(UNUSED), n = unused < 0 ? ids.length : unused;
  return {
    ids: ids.subarray(0, n),
    widths,
    values: values.map((all, i) => all.subarray(0, n * widths[i]!)),
  };
}

function expectEqual(rank: number, own: Uint32Array, headers: readonly Uint32Array[]): void {
  const other = headers.findIndex((theirs) => own.some((size, i) => theirs[i] !== size));
  if (other < 0) return;
  throw new TypeError(
    `Cannot sum gradients: those of rank ${other} do not fit those of rank ${rank}`,
  );
}
