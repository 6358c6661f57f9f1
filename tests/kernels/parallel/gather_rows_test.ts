// Rows of all ranks, rank by rank.

import { assertEquals, assertRejects } from "@std/assert";
import { UNUSED } from "../../../kernels/accumulate/merge_rows.ts";
import { ranksInProcess } from "../../../kernels/mod.ts";
import { gatherRows, type Rows } from "../../../kernels/parallel/gather_rows.ts";

/** Rank 0 has two rows of two tables and of a third one, rank 1 none of these and one. */
function rowsOf(rank: number): Rows[] {
  const two = Uint32Array.of(3, 7, UNUSED), none = Uint32Array.of(UNUSED, UNUSED);
  return [
    {
      ids: rank === 0 ? two : none,
      widths: [2, 1],
      values: [Float32Array.of(1, 2, 3, 4, 0, 0), Float32Array.of(5, 6, 0)],
    },
    { ids: Uint32Array.of(rank), widths: [1], values: [Float32Array.of(8 + rank)] },
  ];
}

Deno.test("gatherRows() gives all ranks the rows of each, without unused ids", async () => {
  const ranks = ranksInProcess(2);
  const found = await Promise.all(ranks.map((own) => gatherRows(own, 9, rowsOf(own.rank))));
  const [first, second] = rowsOf(0);
  const expected = [
    {
      ...first,
      ids: Uint32Array.of(3, 7),
      values: [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6)],
    },
    { ...second, ids: Uint32Array.of(0, 1), values: [Float32Array.of(8, 9)] },
  ];
  assertEquals<unknown>(found, [expected, expected]);
});

Deno.test("gatherRows() throws a TypeError on each rank when they have other numbers to sum, or other tables", async () => {
  const calls = ranksInProcess(2).map((own) => gatherRows(own, own.rank, rowsOf(own.rank)));
  for (const call of calls) await assertRejects(() => call, TypeError, "do not fit those of rank");
  const others = ranksInProcess(2).map((own) => gatherRows(own, 0, rowsOf(0).slice(own.rank)));
  for (const call of others) await assertRejects(() => call, TypeError, "do not fit those of rank");
});
