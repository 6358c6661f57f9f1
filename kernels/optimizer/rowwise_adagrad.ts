/** Adagrad that keeps a number for each row of a parameter, not one for each element. */

import type { SummedGradient } from "../autograd/gradients.ts";
import type { Device } from "../device/device.ts";
import { boundParts, forParts } from "../device/part_bindings.ts";
import { forEachSlice } from "../device/parts.ts";
import { withVec } from "../device/vec.ts";
import type { Tensor } from "../device/tensor.ts";
import source from "./rowwise_adagrad.wgsl" with { type: "text" };

const kernel = withVec(source);

/** What is updated. */
export interface RowwiseUpdate {
  /** [V, W] */
  readonly parameter: Tensor;
  /** [V], in the same parts as the parameter. */
  readonly squares: Tensor;
  readonly coefficients: { readonly lr: number; weight_decay: number; epsilon: number };
}

/** Updates by `gradient`, times `norm[1]`: all rows, or the gradient's alone. */
export function updateRowwise(
  gpu: Device,
  gradient: SummedGradient,
  norm: Tensor,
  { parameter, squares, coefficients }: RowwiseUpdate,
): void {
  switch (gradient.kind) {
    case "dense":
      return forEachSlice([gradient, parameter, squares], ([g, ...updated]) => {
        const rows = g.shape[0]!;
        launch(gpu, { ROWS: 0 }, [norm, norm, g], updated, { count: 1, first: 0, rows });
      });
    case "sparse":
      for (const { tensors, ...parts } of boundParts(gpu, [parameter, squares], 3)) {
        launch(gpu, { ROWS: 1 }, [norm, gradient.ids, gradient.values], tensors, parts);
      }
      return;
    case "tiled":
      return gradient.forEach((first, dRows) => {
        const count = dRows.shape[0]!;
        using some = parameter.slice(first, count);
        using theirs = squares.slice(first, count);
        updateRowwise(gpu, dRows, norm, { parameter: some, squares: theirs, coefficients });
      });
  }

  function launch(
    gpu: Device,
    constants: { readonly ROWS: 0 | 1 },
    inputs: readonly [norm: Tensor, ids: Tensor, g: Tensor],
    outputs: readonly Tensor[],
    { count, first, rows }: { readonly count: number; readonly first: number; rows: number },
  ): void {
    const V = parameter.shape[0]!, { source, vec } = kernel(parameter.size / V);
    const W = parameter.size / V / vec, n = inputs[2].size / W / vec;
    gpu.dispatch({
      label: "adagrad",
      source: forParts(source, count),
      constants: { ...constants, THREADS: gpu.rowThreads },
      inputs,
      outputs,
      uniform: { n, W, first, rows, ...coefficients },
      grid: n,
    });
  }
}
