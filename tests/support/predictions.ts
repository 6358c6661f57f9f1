/** The predictions of batches. */

import type { Batch } from "../../example/data/row_batch.ts";

/** The predictions of a batch as pairs of input id and target id. */
export function predictions({ input, target, mask }: Batch): string[] {
  return Array.from(input, (id, i) => mask[i] === 1 ? `${id} ${target[i]}` : "").filter(Boolean);
}
