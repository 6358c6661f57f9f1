/** Adagrad that keeps a number for each row of a parameter, not one for each element. */

import type { SummedGradient } from "../autograd/gradients.ts";
import type { Device } from "../device/device.ts";
import { forParts } from "../device/for_parts.ts";
import { boundParts } from "../device/part_bindings.ts";
import { forEachSlice } from "../device/parts.ts";
import type { RandomKey } from "../random/philox.ts";
import { roundedBy, withWrittenTable } from "../random/rounding.ts";
import type { Tensor } from "../device/tensor.ts";
import source from "./rowwise_adagrad.wgsl" with { type: "text" };

const kernel = withWrittenTable(source);

/** What is updated. */
export interface RowwiseUpdate {
  /** [V, W] */
  readonly parameter: Tensor;
  /** [V], in the same parts as the parameter. */
  readonly squares: Tensor;
  readonly coefficients: { readonly lr: number; weight_decay: number; epsilon: number };
  /** Where the rounding to 16-bit floats draws from, if the parameter has such. */
  readonly key?: RandomKey | undefined;
}

/**
 * Updates by `gradient`, times `norm[1]`: all rows, of which the first has the number `row`, or the gradient's
 * alone.
 */
export function updateRowwise(
  gpu: Device,
  gradient: SummedGradient,
  norm: Tensor,
  { parameter, squares, coefficients, key }: RowwiseUpdate,
  row = 0,
): void {
  switch (gradient.kind) {
    case "dense":
      return forEachSlice([gradient, parameter, squares], ([g, ...updated], slice) => {
        const parts = { count: 1, first: row + slice, rows: g.shape[0]! };
        launch({ ROWS: 0 }, [norm, norm, g], updated, parts);
      });
    case "sparse":
      for (const { tensors, ...parts } of boundParts(gpu, [parameter, squares], 3)) {
        launch({ ROWS: 1 }, [norm, gradient.ids, gradient.values], tensors, parts);
      }
      return;
    case "tiled":
      return gradient.forEach((first, dRows) => {
        const count = dRows.shape[0]!;
        using some = parameter.slice(first, count);
        using theirs = squares.slice(first, count);
        const what = { parameter: some, squares: theirs, coefficients, key };
        updateRowwise(gpu, dRows, norm, what, first);
      });
  }

  function launch(
    constants: { readonly ROWS: 0 | 1 },
    inputs: readonly [norm: Tensor, ids: Tensor, g: Tensor],
    outputs: readonly Tensor[],
    { count, first, rows }: { readonly count: number; readonly first: number; rows: number },
  ): void {
    const V = parameter.shape[0]!, { source, vec } = kernel(parameter.size / V, parameter.dtype);
    const W = parameter.size / V / vec, n = inputs[2].size / W / vec;
    const { halves, fields } = roundedBy(parameter, key);
    gpu.dispatch({
      label: "adagrad",
      source: forParts(source, count),
      constants: { ...constants, THREADS: gpu.rowThreads },
      halves,
      inputs,
      outputs,
      uniform: { n, W, first, rows, ...coefficients, ...fields },
      grid: n,
    });
  }
}
