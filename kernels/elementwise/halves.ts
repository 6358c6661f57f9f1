/** Tables of 16-bit floats, for operations that know 32-bit ones alone. */

import type { Device } from "../device/device.ts";
import { forEachSlice } from "../device/parts.ts";
import { tensorLike } from "../device/scope.ts";
import type { Tensor } from "../device/tensor.ts";
import type { Step } from "../autograd/step.ts";
import type { RandomKey } from "../random/philox.ts";
import { roundedBy, withWrittenTable } from "../random/rounding.ts";
import source from "./halves.wgsl" with { type: "text" };

const kernel = withWrittenTable(source);

function launch(
  gpu: Device,
  entry: "widen" | "narrow",
  from: Tensor,
  to: Tensor,
  row = 0,
  key?: RandomKey,
): void {
  const table = entry === "widen" ? from : to;
  const W = table.size / table.shape[0]!, { source, vec } = kernel(W, table.dtype);
  const { halves, fields } = roundedBy(table, key), n = table.size / vec;
  gpu.dispatch({
    label: entry,
    source,
    entry,
    halves,
    inputs: [from],
    outputs: [to],
    uniform: { n, first: row * W / vec, ...fields },
    grid: Math.ceil(n / 64),
  });
}

/** `table` as 32-bit floats: itself, or a tensor that ends with the step. Gradients flow through. */
export function widened(step: Step, table: Tensor): Tensor {
  if (table.dtype !== "f16") return table;
  const output = tensorLike(step, table);
  forEachSlice([table, output], ([halves, out]) => launch(step.gpu, "widen", halves, out));
  return step.record({
    name: "widened",
    inputs: [table],
    output,
    backward: (dOutput) => [dOutput],
  });
}

/** Rows `first` to `first + count` of `table`, as 32-bit floats: a slice or a copy, which the caller disposes of. */
export function floatRows(gpu: Device, table: Tensor, first: number, count: number): Tensor {
  if (table.dtype !== "f16") return table.slice(first, count);
  using rows = table.slice(first, count);
  const out = gpu.temporary(rows.shape);
  launch(gpu, "widen", rows, out);
  return out;
}

/** Writes 32-bit floats to `rows` of a table of 16-bit ones, of which the first is row number `first`. */
export function narrowInto(
  gpu: Device,
  rows: Tensor,
  floats: Tensor,
  first: number,
  key: RandomKey,
): void {
  launch(gpu, "narrow", floats, rows, first, key);
}
