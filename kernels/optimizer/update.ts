/** Updates a parameter by a gradient of any kind. Deferred updates of rows: lazy_rows.ts. */

import type { MergedGradient } from "../accumulate/merge_rows.ts";
import type { SummedGradient } from "../autograd/gradients.ts";
import type { Device } from "../device/device.ts";
import { boundParts, forParts } from "../device/part_bindings.ts";
import { forEachSlice } from "../device/parts.ts";
import type { TableKernel } from "../device/tables.ts";
import { rowLanes } from "../device/vec.ts";
import type { RandomKey } from "../random/philox.ts";
import { roundedBy, withWrittenTable } from "../random/rounding.ts";
import type { Tensor } from "../device/tensor.ts";
import adagrad from "./_adagrad.wgsl" with { type: "text" };
import adam from "./_adam.wgsl" with { type: "text" };
import momentum from "./_momentum.wgsl" with { type: "text" };
import sgd from "./_sgd.wgsl" with { type: "text" };
import source from "./update.wgsl" with { type: "text" };

/** The formula of an optimizer. */
export interface Rule {
  readonly label: string;
  readonly kernel: TableKernel;
}

function rule(label: string, formula: string): Rule {
  return { label, kernel: withWrittenTable(source + formula) };
}

/** Stochastic gradient descent; keeps nothing. */
export const SGD_RULE: Rule = rule("sgd", sgd);
/** The same with momentum; keeps the moment. */
export const MOMENTUM_RULE: Rule = rule("sgd", momentum);
/** Adagrad; keeps the sum of the squares. */
export const ADAGRAD_RULE: Rule = rule("adagrad", adagrad);
/** Adam; keeps the moment and the mean square. */
export const ADAM_RULE: Rule = rule("adam", adam);

/** What is updated, and how. */
export interface Update {
  readonly rule: Rule;
  readonly parameter: Tensor;
  /** What the rule keeps, in the shape of the parameter; changed in place, like the parameter. */
  readonly state: readonly Tensor[];
  /** The rule's fields of `Params`, without n and W. */
  readonly coefficients: Readonly<Record<string, number>>;
  /** Where the rounding to 16-bit floats draws from, if the parameter has such. */
  readonly key?: RandomKey | undefined;
}

/** Updates by `gradient`, times `norm[1]`: all elements, or the gradient's rows alone. */
export function update(gpu: Device, gradient: SummedGradient, norm: Tensor, what: Update): void {
  switch (gradient.kind) {
    case "dense":
      return updateAll(gpu, gradient, norm, what);
    case "sparse":
      return updateRows(gpu, gradient, norm, what);
    case "tiled":
      return gradient.forEach((first, dRows) => {
        using slices = new DisposableStack();
        const part = (whole: Tensor) => slices.use(whole.slice(first, dRows.shape[0]!));
        const { parameter, state } = what;
        updateAll(gpu, dRows, norm, {
          ...what,
          parameter: part(parameter),
          state: state.map(part),
        }, first);
      });
  }
}

/** Updates all of the parameter, four floats at a time; its first row has the number `row`. */
function updateAll(
  gpu: Device,
  gradient: Tensor,
  norm: Tensor,
  { rule, parameter, state, coefficients, key }: Update,
  row = 0,
): void {
  const { source } = rule.kernel(4, parameter.dtype), W = parameter.size / parameter.shape[0]!;
  const { halves, fields } = roundedBy(parameter, key);
  forEachSlice([gradient, parameter, ...state], ([g, ...updated], slice) => {
    const n = Math.ceil(g!.size / 4), first = (row + slice) * W / 4;
    gpu.dispatch({
      label: rule.label,
      source: forParts(source, 1),
      constants: { ROWS: 0 },
      halves,
      inputs: [norm, norm, g!],
      outputs: updated,
      uniform: { n, W: 1, lanes: 1, first, rows: 0, ...coefficients, ...fields },
      grid: Math.ceil(n / 64),
    });
  });
}

/** Updates the rows that the gradient has. */
function updateRows(
  gpu: Device,
  { ids, values }: MergedGradient,
  norm: Tensor,
  { rule, parameter, state, coefficients, key }: Update,
): void {
  const n = ids.size, { source, vec } = rule.kernel(values.size / n, parameter.dtype);
  const W = values.size / n / vec, { halves, fields } = roundedBy(parameter, key);
  for (const { tensors, count, first, rows } of boundParts(gpu, [parameter, ...state], 3)) {
    const lanes = rowLanes(gpu, W, count);
    gpu.dispatch({
      label: rule.label,
      source: forParts(source, count),
      constants: { ROWS: 1 },
      halves,
      inputs: [norm, ids, values],
      outputs: tensors,
      uniform: { n, W, lanes, first, rows, ...coefficients, ...fields },
      grid: Math.ceil(n * lanes / 64),
    });
  }
}
