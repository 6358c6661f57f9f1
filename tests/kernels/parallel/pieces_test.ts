// Tensors that ranks sum are cut into pieces, and each row that travels is in one of them.

import { assertEquals } from "@std/assert";
import {
  messagesOf,
  type Piece,
  pieceSize,
  piecesOf,
  slotsOf,
  sumPieces,
} from "../../../kernels/parallel/pieces.ts";
import type { Tensor } from "../../../mod.ts";
import { values } from "../../reference/data.ts";
import { withGpu } from "../../support/gpu.ts";
import { onRanks } from "../../support/ranks.ts";

Deno.test("piecesOf() ends a piece where a buffer ends, and gives it those of its rows that moved", () =>
  withGpu((gpu) => {
    using table = gpu.table([150, 3]);
    const spans = (pieces: Iterable<Piece>) =>
      [...pieces].map(({ first, count, rows }) => [first, count, rows && [...rows]]);
    assertEquals(spans(piecesOf(table)), [
      [0, 64, undefined],
      [64, 64, undefined],
      [128, 22, undefined],
    ]);
    const moved = [...piecesOf(table, Uint32Array.of(0, 63, 64, 70))];
    assertEquals(spans(moved), [[0, 64, [0, 63]], [64, 64, [0, 6]], [128, 22, []]]);
    assertEquals(moved.map(pieceSize), [6, 6, 0]);
    const slots = new Array(64).fill(0xffffffff);
    slots[0] = 0, slots[6] = 1;
    assertEquals([...slotsOf(moved[1]!)], slots);
  }, { maxBindingBytes: 1 }));

Deno.test("messagesOf() fills messages of 2^24 floats with pieces in their order", () =>
  withGpu((gpu) => {
    using tensor = gpu.tensor([64, 2 ** 10]); // 2^16 floats
    const [piece] = [...piecesOf(tensor)], pieces = new Array<Piece>(2 ** 8 + 3).fill(piece!);
    assertEquals([...messagesOf(pieces)].map(({ length }) => length), [2 ** 8, 3]);
    assertEquals([...messagesOf([])], []);
  }));

Deno.test("a piece has 64 rows at least, and no more than its floats allow", () =>
  withGpu((gpu) => {
    const countsOf = (rows: number, width: number) => {
      using wide = gpu.temporary([rows, width]);
      return [...piecesOf(wide)].map(({ count }) => count);
    };
    assertEquals(countsOf(65, 70_000), [64, 1]);
    assertEquals(countsOf(129, 40_000), [64, 64, 1]);
  }));

Deno.test("a piece of more than a message travels alone", () => {
  const tensor = { size: 2 ** 25, shape: [1] } as unknown as Tensor;
  const large = { tensor, first: 0, count: 1 };
  assertEquals([...messagesOf([large, large])], [[large], [large]]);
});

Deno.test("sumPieces() sums whole pieces, chosen rows and no rows over ranks", async () => {
  const found = await onRanks(2, async (gpu, communicator) => {
    using whole = gpu.tensor([3], values(3, 1)), table = gpu.tensor([5, 2], values(10, 2));
    using step = gpu.step();
    const piece = { tensor: table, first: 0, count: 5 };
    const sums = await sumPieces(step, [
      { tensor: whole, first: 0, count: 3 },
      { ...piece, rows: new Uint32Array() },
      { ...piece, rows: Uint32Array.of(1, 4) },
    ], communicator);
    return sums.map((numbers) => [...numbers]);
  });
  const twice = (numbers: Float32Array) => [...numbers].map((x) => 2 * x), table = values(10, 2);
  const rows = [...table.subarray(2, 4), ...table.subarray(8, 10)];
  const expected = [twice(values(3, 1)), [], twice(Float32Array.from(rows))];
  assertEquals(found, [expected, expected]);
});
