/** The predictions of batches, and those of a text. */

import type { Batch } from "../../example/data/row_batch.ts";
import type { Sentences } from "../../example/data/sentences.ts";

/** The predictions of a batch as pairs of input id and target id. */
export function predictions({ input, target, mask }: Batch): string[] {
  return Array.from(input, (id, i) => mask[i] === 1 ? `${id} ${target[i]}` : "").filter(Boolean);
}

/** All pairs of neighbours in the text, in its order. */
export function pairsOf({ ids }: Sentences): string[] {
  return Array.from(ids.subarray(1), (id, i) => `${ids[i]} ${id}`);
}
