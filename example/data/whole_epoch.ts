/** An epoch of a text that is in memory: its pieces in random order. */

import { Philox } from "../../kernels/random/mod.ts";
import { isFromBatch } from "../options/choices.ts";
import { type BatchSettings, Epoch, ORDER_STREAM, piecesOf } from "./epoch.ts";
import { type Rows, shuffledRows } from "./pack.ts";
import { type Pieces, type Row, RowBatch } from "./row_batch.ts";
import type { Sentences } from "./sentences.ts";

/**
 * Rows of the whole text in a new order each epoch. If noise comes from the batch, a target that would be
 * alone joins another batch, and words of the text fill each row's end.
 */
export class WholeEpoch extends Epoch {
  override readonly length: number;
  readonly #text: Sentences;
  readonly #pieces: Pieces;
  readonly #rows: Rows;
  /** Number of rows in a batch. */
  readonly #count: number;
  readonly #fromBatch: boolean;
  /** The batch that is a single target, and is left out; -1 if there is none, or no other to join. */
  readonly #lone: number;

  constructor(text: Sentences, settings: BatchSettings, epoch: number) {
    super();
    const { seed, noise } = settings;
    this.#text = text;
    this.#pieces = piecesOf(text, settings);
    this.#fromBatch = isFromBatch(noise);
    const { lengths } = this.#pieces;
    const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
    this.#rows = shuffledRows(lengths, longest, new Philox(seed, ORDER_STREAM, epoch));
    this.#count = rowsOfBatch(settings, text.tokens / lengths.length, longest);
    const batches = Math.ceil(this.#rows.length / this.#count);
    this.#lone = this.#fromBatch && batches > 1 && longest * this.#count > 1
      ? this.#findLone(batches)
      : -1;
    this.length = this.#lone < 0 ? batches : batches - 1;
  }

  override at(i: number): RowBatch {
    const rows = this.#rowsAt(this.#lone >= 0 && i >= this.#lone ? i + 1 : i);
    if (this.#lone >= 0 && i === 0) this.#join(rows);
    return new RowBatch(this.#text.ids, this.#pieces, rows, { wordsPastEnd: this.#fromBatch });
  }

  override largest(): RowBatch {
    const i = this.#rows.largest(this.#count);
    return this.at(this.#lone >= 0 && i > this.#lone ? i - 1 : i);
  }

  #rowsAt(batch: number): Row[] {
    return this.#rows.slice(batch * this.#count, (batch + 1) * this.#count);
  }

  /** Rows of one step would be packed together, so that at most one batch is a single target. */
  #findLone(batches: number): number {
    for (let batch = this.#count === 1 ? 0 : batches - 1; batch < batches; batch++) {
      const row = batch * this.#count, isLast = row === this.#rows.length - 1;
      if ((this.#count === 1 || isLast) && this.#rows.stepsAt(row) === 1) return batch;
    }
    return -1;
  }

  /** Gives the lone piece to one of these rows, which are all full: it would have been packed into another. */
  #join(rows: Row[]): void {
    rows.push([...rows.pop()!, ...this.#rowsAt(this.#lone).flat()]);
  }
}

/** Number of rows of at most `longest` steps that hold the tokens of a batch. */
export function rowsOfBatch(
  { batchSize, concat }: Pick<BatchSettings, "batchSize" | "concat">,
  mean: number,
  longest: number,
): number {
  return concat ? batchSize : Math.max(1, Math.round(batchSize * mean / longest));
}
