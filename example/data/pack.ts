/** Packs pieces of text into rows of limited length. */

import type { Philox } from "../../kernels/random/mod.ts";
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
  const pieces = byLength(order, lengths), rowOf = new Uint32Array(pieces.length);
  // Open rows by the space that they have left: the last one of each kind, plus 1, and the one before it.
  const top = new Uint32Array(space + 1), below = new Uint32Array(pieces.length);
  const steps = new Uint32Array(pieces.length), counts = new Uint32Array(pieces.length);
  let rows = 0;
  for (let i = 0; i < pieces.length; i++) {
    const length = lengths[pieces[i]!]!;
    let left = length;
    while (left < space && top[left] === 0) left++;
    let row = (top[left] ?? 0) - 1;
    if (row < 0) {
      row = rows++;
      left = Math.max(space, length);
    } else top[left] = below[row]!;
    rowOf[i] = row;
    steps[row]! += length;
    counts[row]!++;
    below[row] = top[left - length]!;
    top[left - length] = row + 1;
  }
  const begins = new Uint32Array(rows + 1), inRows = new Uint32Array(pieces.length);
  for (let row = 0; row < rows; row++) begins[row + 1] = begins[row]! + counts[row]!;
  const next = begins.slice();
  for (let i = 0; i < pieces.length; i++) inRows[next[rowOf[i]!]!++] = pieces[i]!;
  return new Rows(inRows, begins, steps.slice(0, rows));
}

/** The pieces of `order`, the longest first; a stable counting sort. */
function byLength(order: Uint32Array, lengths: Uint32Array): Uint32Array {
  const longest = order.reduce((most, piece) => Math.max(most, lengths[piece]!), 0);
  const next = new Uint32Array(longest + 2), sorted = new Uint32Array(order.length);
  for (const piece of order) next[longest - lengths[piece]! + 1]!++;
  for (let i = 1; i < next.length; i++) next[i]! += next[i - 1]!;
  for (const piece of order) sorted[next[longest - lengths[piece]!]!++] = piece;
  return sorted;
}

/** Number of pieces of each length. */
export type LengthCounts = ReadonlyMap<number, number>;

/** Number of rows that {@linkcode pack} makes of pieces of these lengths, none over `space`. */
export function countRows(counts: LengthCounts, space: number): number {
  // Open rows by the space that they have left.
  const open = new Map<number, number>();
  const add = (left: number, count: number) => open.set(left, (open.get(left) ?? 0) + count);
  let rows = 0;
  for (const length of [...counts.keys()].sort((a, b) => b - a)) {
    let pieces = counts.get(length)!;
    const fitting = [...open].filter(([left]) => left >= length).sort(([a], [b]) => a - b);
    for (const [left, most] of [...fitting, [space, Infinity] as const]) {
      // A row takes pieces until the next one does not fit: no other row has less space.
      const each = Math.floor(left / length), full = Math.min(most, Math.floor(pieces / each));
      const rest = full < most ? pieces - full * each : 0, used = rest > 0 ? full + 1 : full;
      if (most === Infinity) rows += used;
      else add(left, -used);
      add(left - each * length, full);
      if (rest > 0) add(left - rest * length, 1);
      pieces -= full * each + rest;
    }
  }
  return rows;
}
