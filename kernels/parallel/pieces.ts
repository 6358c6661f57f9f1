/** Tensors that ranks sum: cut into pieces, which travel together in messages. */

import { UNUSED } from "../accumulate/merge_rows.ts";
import type { Step } from "../autograd/step.ts";
import { partEdges } from "../device/parts.ts";
import type { Tensor } from "../device/tensor.ts";
import { gather } from "../lookup/gather.ts";
import { concatenated, readerOf, readTogether } from "./arrays.ts";
import type { Communicator } from "./communicator.ts";

/** Floats of a message, and of a piece, at most; a piece may have {@linkcode GROUP} rows whatever their width. */
const MESSAGE = 2 ** 24, PIECE = MESSAGE / 4;
/** Pieces begin at multiples of so many rows. */
const GROUP = 64;

/** Rows of a tensor that lie in one buffer, and which of them travel. */
export interface Piece {
  readonly tensor: Tensor;
  readonly first: number;
  readonly count: number;
  /** Those that travel, counted from `first`, rising; all unless given. */
  readonly rows?: Uint32Array<ArrayBuffer>;
}

/** The pieces of a tensor, of which the rows `moved` travel, rising, or all of them. */
export function* piecesOf(tensor: Tensor, moved?: Uint32Array): Generator<Piece> {
  const V = tensor.shape[0]!, width = tensor.size / V;
  const most = GROUP * Math.max(1, Math.floor(PIECE / width / GROUP));
  const edges = [...partEdges(tensor), V];
  let begin = 0;
  for (let first = 0; first < V;) {
    const last = Math.min(first + most, edges.find((edge) => edge > first)!), count = last - first;
    if (moved) {
      let end = begin;
      while (end < moved.length && moved[end]! < last) end++;
      const rows = Uint32Array.from(moved.subarray(begin, end), (row) => row - first);
      yield { tensor, first, count, rows };
      begin = end;
    } else yield { tensor, first, count };
    first = last;
  }
}

/** The pieces, divided into messages. */
export function* messagesOf<T extends Piece>(pieces: Iterable<T>): Generator<readonly T[]> {
  let some: T[] = [], size = 0;
  for (const piece of pieces) {
    if (some.length > 0 && size + pieceSize(piece) > MESSAGE) yield some, some = [], size = 0;
    some.push(piece);
    size += pieceSize(piece);
  }
  if (some.length > 0) yield some;
}

/** Floats of a piece that travel. */
export function pieceSize({ tensor, count, rows }: Piece): number {
  return (rows?.length ?? count) * tensor.size / tensor.shape[0]!;
}

/** For each row of a piece its place among those that travel; 0xffffffff for one that does not. */
export function slotsOf({ count, rows = new Uint32Array() }: Piece): Uint32Array<ArrayBuffer> {
  const slots = new Uint32Array(count).fill(UNUSED);
  rows.forEach((row, slot) => slots[row] = slot);
  return slots;
}

/** Sums the pieces of one message over all ranks, which call this on the same ones; returns each one's sums. */
export async function sumPieces(
  step: Step,
  pieces: readonly Piece[],
  communicator: Communicator,
): Promise<Float32Array[]> {
  const own = pieces.filter((piece) => pieceSize(piece) > 0).map((piece) =>
    travelling(step, piece)
  );
  const message = concatenated(Float32Array, await readTogether(step, own) as Float32Array[]);
  await communicator.sum(message);
  const next = readerOf([message]);
  return pieces.map((piece) => next(0, pieceSize(piece)));
}

/** The rows of a piece that travel. */
function travelling(step: Step, { tensor, first, count, rows }: Piece): Tensor {
  const slice = step.own(tensor.slice(first, count));
  return rows ? gather(step, slice, step.upload(rows)) : slice;
}
