/** An epoch of training: how it cuts the text, and its batches. */

import type { Settings } from "../options/options.ts";
import { cut, type Pieces, type RowBatch } from "./row_batch.ts";
import type { Sentences } from "./sentences.ts";

/** Random stream of the order, separate from noise, dropout and weights; the step is the epoch. */
export const ORDER_STREAM = 0x42415443;

/** What decides which words a batch of training has. */
export type BatchSettings = Pick<
  Settings,
  "batchSize" | "bptt" | "seed" | "concat" | "carryState" | "noise"
>;

/** The pieces of a text; each after the first of a sentence also reads a quarter of `bptt` before it. */
export function piecesOf(
  { offsets, tokens }: Pick<Sentences, "offsets" | "tokens">,
  { bptt, concat }: Pick<BatchSettings, "bptt" | "concat">,
): Pieces {
  return concat ? cut([0, tokens], bptt, 0) : cut(offsets, bptt, bptt >> 2);
}

/** The batches of an epoch, each made when it is asked for: there may be millions. */
export abstract class Epoch implements Iterable<RowBatch> {
  /** Number of batches. */
  abstract readonly length: number;
  /** Whether each batch but the first continues the rows of the one before. */
  readonly continues: boolean = false;

  /** Batch `i`; of a text beyond memory it is valid until one of another part of the text is asked for. */
  abstract at(i: number): RowBatch;

  /** The batch with the most elements, padding included; of a text beyond memory, of its first part. */
  abstract largest(): RowBatch;

  /** The batches in order. */
  *[Symbol.iterator](): Generator<RowBatch> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}
