/** Rows of a table by id, with a row-sparse gradient. */

import gatherSource from "./gather.wgsl" with { type: "text" };
import { laned } from "./lanes.ts";
import type { Step } from "./step.ts";
import type { Tensor } from "./tensor.ts";

const kernel = laned(gatherSource);

/** Throws unless `ids` are integers below the number of rows of `table`. */
export function expectIds(op: string, ids: Tensor, table: Tensor): void {
  if (ids.dtype !== "u32") throw new TypeError(`Cannot run ${op}: ids are ${ids.dtype}, not u32`);
  if (ids.bound > table.shape[0]!) {
    throw new RangeError(
      `Cannot run ${op}: id ${ids.bound - 1} is out of range, the table has ${table.shape[0]} rows`,
    );
  }
}

/**
 * `out[...i, :] = table[ids[...i], :]`.
 *
 * `table` [V, W] gives `[...ids.shape, W]`; a vector [V] gives `ids.shape`.
 *
 * @throws {RangeError} If an id uploaded with `ids` is not below V.
 */
export function gather(step: Step, table: Tensor, ids: Tensor): Tensor {
  expectIds("gather", ids, table);
  const width = table.size / table.shape[0]!;
  const output = step.tensor([...ids.shape, ...table.shape.slice(1)]);
  const { source, lane } = kernel(width);
  step.gpu.dispatch({
    label: "gather",
    source,
    inputs: [ids, table],
    rows: ids,
    outputs: [output],
    uniform: { n: ids.size, width: width / lane },
    grid: Math.ceil(output.size / lane / 64),
  });
  return step.record({
    name: "gather",
    inputs: [table],
    output,
    backward: (dOut) => [{ ids, values: dOut }],
  });
}
