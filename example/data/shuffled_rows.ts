/** Rows of pieces in random order. */

import type { Philox } from "../../kernels/random/mod.ts";
import type { TrainingOptions } from "./epoch.ts";
import { pack, type Rows } from "./pack.ts";
import { cut, type Pieces, type Row } from "./row_batch.ts";
import type { Sentences } from "./sentences.ts";
import { shuffle, upTo } from "./shuffle.ts";

/** Pieces packed into rows, both shuffled. */
export class ShuffledRows {
  /** Number of rows. */
  readonly length: number;
  readonly #rows: Rows;
  readonly #order: Uint32Array;

  /** Packs pieces of these lengths into rows of at most `longest` steps. */
  constructor(lengths: Uint32Array, longest: number, random: Philox) {
    const order = shuffle(upTo(lengths.length), random);
    this.#rows = pack(order, lengths, longest);
    this.#order = shuffle(upTo(this.#rows.length), random);
    this.length = this.#rows.length;
  }

  /** Number of steps of row `i`. */
  steps(i: number): number {
    return this.#rows.steps[this.#order[i]!]!;
  }

  /** The rows from `begin` up to `end`. */
  slice(begin: number, end: number): Row[] {
    return Array.from(this.#order.subarray(begin, end), (row) => this.#rows.at(row));
  }

  /** Which of the groups of `count` rows takes the most places. */
  largest(count: number): number {
    let best = 0, most = 0;
    for (let begin = 0; begin < this.length; begin += count) {
      const end = Math.min(this.length, begin + count);
      let steps = 0;
      for (let i = begin; i < end; i++) steps = Math.max(steps, this.steps(i));
      if (steps * (end - begin) <= most) continue;
      most = steps * (end - begin);
      best = begin / count;
    }
    return best;
  }
}

/** The pieces of a text; each after the first of a sentence also reads a quarter of `bptt` before it. */
export function piecesOf(
  { offsets, tokens }: Pick<Sentences, "offsets" | "tokens">,
  { bptt, concat = false }: Pick<TrainingOptions, "bptt" | "concat">,
): Pieces {
  return concat ? cut([0, tokens], bptt, 0) : cut(offsets, bptt, bptt >> 2);
}
