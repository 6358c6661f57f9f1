/** Columns of a batch: those that a rank computes. */

import type { BatchPart } from "../../mod.ts";
import type { Batch } from "./row_batch.ts";

/**
 * The given columns of a batch. The number of tokens remains that of the whole batch, so that a token weighs
 * what it does there.
 */
export function columnsOf(batch: Batch, columns: ArrayLike<number>): Batch {
  const { batchSize, steps, tokens, continues } = batch, width = columns.length;
  const pick = <T extends Uint32Array | Float32Array>(all: T): T => {
    const some = all.slice(0, steps * width) as T;
    for (let t = 0; t < steps; t++) {
      for (let j = 0; j < width; j++) some[t * width + j] = all[t * batchSize + columns[j]!]!;
    }
    return some;
  };
  return {
    batchSize: width,
    steps,
    tokens,
    continues,
    input: pick(batch.input),
    target: pick(batch.target),
    mask: pick(batch.mask),
    resets: pick(batch.resets),
  };
}

/** A part of a batch as a batch of its own, whose mean loss is that of its own tokens. */
export function byItself(part: Batch): Batch {
  const { batchSize, steps, continues, input, target, mask, resets } = part;
  const tokens = mask.reduce((sum, real) => sum + real, 0);
  return { batchSize, steps, tokens, continues, input, target, mask, resets };
}

/** The part of `batch` that `rank` of `ranks` computes; a rank without a column gets one that does not count. */
export function rankColumns(
  batch: Batch,
  rank: number,
  ranks: number,
): { own: Batch; part?: BatchPart } {
  if (ranks === 1) return { own: batch };
  const { batchSize: columns, steps, target: targets } = batch, part: number[] = [];
  for (let column = rank; column < columns; column += ranks) part.push(column);
  const idle = part.length === 0, own = columnsOf(batch, idle ? [0] : part);
  return {
    own: idle ? { ...own, mask: new Float32Array(own.mask.length) } : own,
    part: { steps, columns, rank, ranks, targets },
  };
}
