/** Packs pieces of text into rows of limited length. */

import type { Philox } from "../../kernels/random/mod.ts";
import { bestFit, type LengthCounts } from "./best_fit.ts";
import { shuffle, upTo } from "./shuffle.ts";

/** Rows of pieces, in arrays, as there may be hundreds of millions. */
export class Rows {
  /** Number of steps of each row, as they were packed. */
  readonly steps: Uint32Array;
  /** The pieces of the first packed row, then those of the next, and where each row begins. */
  readonly #pieces: Uint32Array;
  readonly #begins: Uint32Array;
  /** The packed rows in order. */
  readonly #order: Uint32Array;

  constructor(pieces: Uint32Array, begins: Uint32Array, steps: Uint32Array) {
    this.steps = steps;
    this.#pieces = pieces;
    this.#begins = begins;
    this.#order = upTo(steps.length);
  }

  /** Number of rows. */
  get length(): number {
    return this.#order.length;
  }

  /** Puts the rows in random order. */
  shuffle(random: Philox): this {
    shuffle(this.#order, random);
    return this;
  }

  /** Number of steps of row `i`. */
  stepsAt(i: number): number {
    return this.steps[this.#order[i]!]!;
  }

  /** The pieces of row `i`, in order. */
  at(i: number): number[] {
    const row = this.#order[i]!;
    return [...this.#pieces.subarray(this.#begins[row], this.#begins[row + 1])];
  }

  /** The pieces of the rows from `begin` up to `end`. */
  slice(begin: number, end: number): number[][] {
    return Array.from(this.#order.subarray(begin, end), (_, i) => this.at(begin + i));
  }

  /** Which of the groups of `count` rows takes the most places. */
  largest(count: number): number {
    let best = 0, most = 0;
    for (let begin = 0; begin < this.length; begin += count) {
      const end = Math.min(this.length, begin + count);
      let steps = 0;
      for (let i = begin; i < end; i++) steps = Math.max(steps, this.stepsAt(i));
      if (steps * (end - begin) <= most) continue;
      most = steps * (end - begin);
      best = begin / count;
    }
    return best;
  }
}

/** Pieces of these lengths, in random order, packed into rows of at most `longest` steps, in random order. */
export function shuffledRows(lengths: Uint32Array, longest: number, random: Philox): Rows {
  return pack(shuffle(upTo(lengths.length), random), lengths, longest).shuffle(random);
}

/**
 * Packs pieces into rows of at most `space` steps, best fit, longest first; pieces of equal length keep
 * their `order`. A piece longer than `space` gets its own row. Rows are in the order of their first pieces.
 */
export function pack(order: Uint32Array, lengths: Uint32Array, space: number): Rows {
  const { pieces, counts } = byLength(order, lengths), rowOf = new Uint32Array(pieces.length);
  const open = new OpenRows(space, pieces.length), steps = new Uint32Array(pieces.length);
  const inRow = new Uint32Array(pieces.length);
  let rows = 0, at = 0;
  for (const fill of bestFit(counts, space)) {
    for (let i = 0; i < fill.rows; i++) {
      const row = fill.left === space ? rows++ : open.take(fill.left);
      for (const end = at + fill.pieces; at < end; at++) rowOf[at] = row;
      inRow[row]! += fill.pieces;
      steps[row]! += fill.pieces * fill.length;
      open.put(row, fill.leaves);
    }
  }
  const begins = new Uint32Array(rows + 1), byRow = new Uint32Array(pieces.length);
  for (let row = 0; row < rows; row++) begins[row + 1] = begins[row]! + inRow[row]!;
  const next = begins.slice();
  for (let i = 0; i < pieces.length; i++) byRow[next[rowOf[i]!]!++] = pieces[i]!;
  return new Rows(byRow, begins, steps.slice(0, rows));
}

/** Rows by the steps that they have left; of those with as many, the one that was put last is taken first. */
class OpenRows {
  /** For each number of steps left, the row that was put last, plus 1; 0 if there is none. */
  readonly #last: Uint32Array;
  /** For each row, the one that was put before it, plus 1. */
  readonly #before: Uint32Array;

  constructor(space: number, rows: number) {
    this.#last = new Uint32Array(space + 1);
    this.#before = new Uint32Array(rows);
  }

  put(row: number, left: number): void {
    this.#before[row] = this.#last[left]!;
    this.#last[left] = row + 1;
  }

  take(left: number): number {
    const row = this.#last[left]! - 1;
    this.#last[left] = this.#before[row]!;
    return row;
  }
}

/** The pieces of `order`, the longest first, and their number by length; a stable counting sort. */
function byLength(
  order: Uint32Array,
  lengths: Uint32Array,
): { pieces: Uint32Array; counts: LengthCounts } {
  const longest = order.reduce((most, piece) => Math.max(most, lengths[piece]!), 0);
  const counts = new Uint32Array(longest + 1), next = new Uint32Array(longest + 1);
  for (const piece of order) counts[lengths[piece]!]!++;
  for (let length = longest; length > 0; length--) {
    next[length - 1] = next[length]! + counts[length]!;
  }
  const pieces = new Uint32Array(order.length);
  for (const piece of order) pieces[next[lengths[piece]!]!++] = piece;
  return { pieces, counts: new Map(counts.entries()) };
}
