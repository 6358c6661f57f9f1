/** Rows of a table by id, with a sparse gradient. */

import gatherSource from "./gather.wgsl" with { type: "text" };
import { withVec } from "../device/vec.ts";
import type { Step } from "../autograd/step.ts";
import { expectFloats, expectIds, type Tensor } from "../device/tensor.ts";

const kernel = withVec(gatherSource);

/**
 * `out[...i, :] = table[ids[...i], :]`.
 *
 * `table` [V, W] gives `[...ids.shape, W]`; a vector [V] gives `ids.shape`.
 *
 * @throws {RangeError} If an id may not be below V ({@linkcode Tensor.idLimit}).
 */
export function gather(step: Step, table: Tensor, ids: Tensor): Tensor {
  expectFloats("gather", step, { table });
  expectIds("gather", ids, table.shape[0]!);
  const W = table.size / table.shape[0]!;
  const output = step.tensor([...ids.shape, ...table.shape.slice(1)]);
  const { source, vec } = kernel(W);
  step.gpu.dispatch({
    label: "gather",
    source,
    inputs: [ids, table],
    readsRows: ids,
    outputs: [output],
    uniform: { n: ids.size, W: W / vec },
    grid: Math.ceil(output.size / vec / 64),
  });
  return step.record({
    name: "gather",
    inputs: [table],
    output,
    backward: (dOut) => [{ kind: "sparse", ids, values: dOut }],
  });
}
