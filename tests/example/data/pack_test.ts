// Packing: rows as the plain version packs them, and their number from lengths alone.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { countRows } from "../../../example/data/best_fit.ts";
import { pack, Rows } from "../../../example/data/pack.ts";
import { check } from "../../support/property.ts";

/** Best fit, longest first, in its plainest form: the last row among those with the least space that fits. */
function reference(
  order: readonly number[],
  lengths: readonly number[],
  space: number,
): number[][] {
  const rows: { pieces: number[]; left: number; changed: number }[] = [];
  let time = 0;
  for (const piece of order.toSorted((a, b) => lengths[b]! - lengths[a]!)) {
    const length = lengths[piece]!;
    const [best] = rows.filter(({ left }) => left >= length)
      .sort((a, b) => a.left - b.left || b.changed - a.changed);
    const row = best ?? { pieces: [], left: Math.max(space, length), changed: 0 };
    if (best === undefined) rows.push(row);
    row.pieces.push(piece);
    row.left -= length;
    row.changed = ++time;
  }
  return rows.map(({ pieces }) => pieces);
}

const lengths = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 60 });

Deno.test("pack() packs as its plain version does", () => {
  check(fc.property(lengths, fc.integer({ min: 1, max: 15 }), fc.nat(), (lengths, space, turn) => {
    const order = lengths.map((_, i) => (i + turn) % lengths.length);
    const rows = pack(Uint32Array.from(order), Uint32Array.from(lengths), space);
    const found = rows.slice(0, rows.length);
    assertEquals(found, reference(order, lengths, space));
    assertEquals([...rows.steps], found.map((row) => row.reduce((sum, i) => sum + lengths[i]!, 0)));
  }));
});

Deno.test("countRows() tells how many rows pack() makes", () => {
  check(fc.property(lengths, fc.integer({ min: 1, max: 40 }), (lengths, space) => {
    const counts = new Map<number, number>();
    for (const length of lengths) counts.set(length, (counts.get(length) ?? 0) + 1);
    const order = Uint32Array.from(lengths, (_, i) => i);
    assertEquals(countRows(counts, space), pack(order, Uint32Array.from(lengths), space).length);
  }));
  assert(countRows(new Map([[1, 1e9], [7, 1e8]]), 35) < 5e7);
});

Deno.test("Rows.largest() finds the group of rows that takes the most places, padding included", () => {
  const rowsOf = (...steps: number[]) => {
    const upTo = Uint32Array.from({ length: steps.length + 1 }, (_, i) => i);
    return new Rows(upTo.subarray(1), upTo, Uint32Array.from(steps));
  };
  assertEquals(rowsOf(9, 9, 1, 9, 9).largest(3), 0);
  assertEquals(rowsOf(1, 2, 3, 3, 9).largest(2), 2);
  assertEquals(rowsOf(4, 4, 7).largest(2), 0);
  assertEquals(rowsOf(4, 4, 7, 7).largest(2), 1);
});
