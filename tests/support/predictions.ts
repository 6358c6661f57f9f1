/** What batches predict. */

import type { Batch } from "../../example/data/row_batch.ts";

/** The predictions of a batch, wherever they are, as pairs of the id read and the id predicted. */
export function predictions({ input, target, mask }: Batch): string[] {
  return Array.from(input, (id, i) => mask[i] === 1 ? `${id} ${target[i]}` : "").filter(Boolean);
}
