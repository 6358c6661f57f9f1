// Parts of a batch.

import { assertEquals } from "@std/assert";
import { byItself, columnsOf, rankColumns } from "../../../example/data/columns.ts";
import type { Batch } from "../../../example/data/row_batch.ts";

/** Two time steps of five columns. */
const BATCH: Batch = {
  batchSize: 5,
  steps: 2,
  input: Uint32Array.of(0, 1, 2, 3, 4, 10, 11, 12, 13, 14),
  target: Uint32Array.of(10, 11, 12, 13, 14, 20, 21, 22, 23, 24),
  mask: Float32Array.of(1, 1, 1, 1, 1, 1, 1, 0, 1, 1),
  resets: Uint32Array.of(0, 0, 0, 0, 0, 0, 1, 0, 0, 0),
  tokens: 9,
  continues: true,
};

Deno.test("columnsOf() keeps all that belongs to the columns, and the tokens of the whole batch", () => {
  assertEquals(columnsOf(BATCH, [1, 3]), {
    batchSize: 2,
    steps: 2,
    input: Uint32Array.of(1, 3, 11, 13),
    target: Uint32Array.of(11, 13, 21, 23),
    mask: Float32Array.of(1, 1, 1, 1),
    resets: Uint32Array.of(0, 0, 1, 0),
    tokens: 9,
    continues: true,
  });
});

Deno.test("byItself() counts the tokens of a part, which has all else", () => {
  const part = columnsOf(BATCH, [1, 2]);
  assertEquals(byItself(part), { ...part, tokens: 3 });
  assertEquals(byItself({ ...part, mask: new Float32Array(4) }).tokens, 0);
});

Deno.test("rankColumns() gives each column to one rank, and a rank without one a column of weight 0", () => {
  const inputs = [0, 1, 2].map((rank) => [...rankColumns(BATCH, rank, 3).own.input]);
  assertEquals(inputs, [[0, 3, 10, 13], [1, 4, 11, 14], [2, 12]]);
  const { own, part } = rankColumns(BATCH, 5, 7);
  assertEquals([own.batchSize, own.tokens, ...own.mask], [1, 9, 0, 0]);
  assertEquals(part, { steps: 2, columns: 5, rank: 5, ranks: 7, targets: BATCH.target });
  assertEquals(rankColumns(BATCH, 0, 1), { own: BATCH });
});
