/** Brings tensors together that ranks have changed each by itself. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import { withVec } from "../device/vec.ts";
import source from "./outer_step.wgsl" with { type: "text" };

const kernel = withVec(source);

/** Sums over the ranks. */
export interface RankSums {
  readonly ranks: number;
  /** [n, W] Sums of rows; of all rows, unless there are `slots`. */
  readonly sums: Tensor;
  /** [V] For each row which of the sums is its own; 0xffffffff where all ranks have the same row. */
  readonly slots?: Tensor;
}

/** An outer step: its coefficients, and what is kept for it, changed in place. */
export interface Outer {
  readonly lr: number;
  readonly momentum: number;
  /** The table after the last outer step. */
  readonly anchor: Tensor;
  readonly velocity: Tensor;
}

/**
 * Sets `table` to the mean over the ranks, or by an outer step from there: `d = anchor - mean;
 * velocity = momentum * velocity + d; table = anchor = anchor - lr * (d + momentum * velocity)`. All tensors
 * are slices that lie in one buffer each.
 */
export function fromRanks(
  gpu: Device,
  table: Tensor,
  { ranks, sums, slots }: RankSums,
  outer?: Outer,
): void {
  // Where rows do not matter, buffers are padded to whole vectors.
  const width = slots ? table.size / table.shape[0]! : 4, { source, vec } = kernel(width);
  const n = Math.ceil(table.size / vec);
  gpu.dispatch({
    label: outer ? "ranks.outer" : "ranks.mean",
    source,
    entry: outer ? "outer" : "mean",
    constants: { HAS_SLOTS: slots ? 1 : 0 },
    inputs: [slots ?? sums, sums],
    outputs: outer ? [table, outer.anchor, outer.velocity] : [table],
    uniform: { n, W: width / vec, ranks, lr: outer?.lr ?? 0, momentum: outer?.momentum ?? 0 },
    grid: Math.ceil(n / 64),
  });
}
