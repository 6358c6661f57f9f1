/** Rows of a table by id, with a sparse gradient. */

import gatherSource from "./gather.wgsl" with { type: "text" };
import type { Device } from "../device/device.ts";
import { findRows } from "./find_rows.ts";
import { forParts } from "../device/for_parts.ts";
import { boundParts } from "../device/part_bindings.ts";
import { expectTable, withTable } from "../device/tables.ts";
import { rowLanes } from "../device/vec.ts";
import type { Step } from "../autograd/step.ts";
import { expectIds, type Tensor } from "../device/tensor.ts";

const kernel = withTable(gatherSource);

/** Copies the rows `ids` of `table` [V, W] to `out`, 32-bit floats, in the order of the ids. */
export function gatherInto(gpu: Device, out: Tensor, table: Tensor, ids: Tensor): void {
  const { source, vec } = kernel(table.size / table.shape[0]!, table.dtype), n = ids.size;
  const W = table.size / table.shape[0]! / vec;
  for (const { tensors, count, first, rows } of boundParts(gpu, [table], 2)) {
    const lanes = rowLanes(gpu, W, count);
    gpu.dispatch({
      label: "gather",
      source: forParts(source, count),
      halves: table.dtype === "f16",
      inputs: [ids, ...tensors],
      readsRows: { tables: [table], ids: first === 0 ? ids : undefined },
      outputs: [out],
      uniform: { n, W, lanes, first, rows },
      grid: Math.ceil(n * lanes / 64),
    });
  }
}

/**
 * `out[...i, :] = table[ids[...i], :]`.
 *
 * `table` [V, W] gives `[...ids.shape, W]`; a vector [V] gives `ids.shape`.
 *
 * @throws {RangeError} If an id may not be below V ({@linkcode Tensor.idLimit}).
 * @throws {TypeError} If the table is divided among ranks, and the step has not fetched its rows.
 */
export function gather(step: Step, table: Tensor, ids: Tensor): Tensor {
  expectTable("gather", step, table);
  if (table.shard) {
    const { table: rows, ids: places } = findRows("gather", step, table, ids);
    return gather(step, rows, places);
  }
  expectIds("gather", ids, table.shape[0]!);
  const output = step.tensor([...ids.shape, ...table.shape.slice(1)]);
  gatherInto(step.gpu, output, table, ids);
  return step.record({
    name: "gather",
    inputs: [table],
    output,
    backward: (dOut) => [{ kind: "sparse", ids, values: dOut }],
  });
}
