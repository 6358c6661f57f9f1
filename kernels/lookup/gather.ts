/** Rows of a table by id, with a sparse gradient. */

import gatherSource from "./gather.wgsl" with { type: "text" };
import idsStored from "../device/_ids_stored.wgsl" with { type: "text" };
import type { Device } from "../device/device.ts";
import { findRows } from "./find_rows.ts";
import { forParts } from "../device/for_parts.ts";
import { boundParts } from "../device/part_bindings.ts";
import { expectTable, type TableKernel, withTable } from "../device/tables.ts";
import { rowLanes } from "../device/vec.ts";
import type { Step } from "../autograd/step.ts";
import { expectIds, expectStep, Tensor } from "../device/tensor.ts";

const ofFloats = withTable(gatherSource);
const ofIds = { source: idsStored + gatherSource, vec: 1 } as const;
const kernel: TableKernel = (width, dtype) => dtype === "u32" ? ofIds : ofFloats(width, dtype);

/** Copies the rows `ids` of `table` [V, W] to `out`, 32-bit floats or ids, in the order of the ids. */
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
 * `table` [V, W] gives `[...ids.shape, W]`; a vector [V] gives `ids.shape`. A table of ids gives ids, such as the
 * categories of items, which other tables are then looked up by; no gradient flows to it.
 *
 * @throws {RangeError} If an id may not be below V ({@linkcode Tensor.idLimit}).
 * @throws {TypeError} If the table is divided among ranks, and the step has not fetched its rows.
 */
export function gather(step: Step, table: Tensor, ids: Tensor): Tensor {
  if (table instanceof Tensor && table.dtype === "u32") return gatherIds(step, table, ids);
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

/** The same of a table of ids: all that it gives are below the number that all of the table's are. */
function gatherIds(step: Step, table: Tensor, ids: Tensor): Tensor {
  expectStep("gather", step);
  expectIds("gather", ids, table.shape[0]!);
  const output = step.tensor([...ids.shape, ...table.shape.slice(1)], "u32"), { idLimit } = table;
  gatherInto(step.gpu, output, table, ids);
  if (idLimit < Infinity) output.idLimit = idLimit;
  return output;
}
