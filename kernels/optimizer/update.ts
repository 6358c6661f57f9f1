/** Updates a parameter by a gradient of any kind. Deferred updates of rows: lazy_rows.ts. */

import type { SummedGradient } from "../autograd/gradients.ts";
import type { Device } from "../device/device.ts";
import { type VecSource, withVec } from "../device/vec.ts";
import type { Tensor } from "../device/tensor.ts";
import adagrad from "./_adagrad.wgsl" with { type: "text" };
import adam from "./_adam.wgsl" with { type: "text" };
import momentum from "./_momentum.wgsl" with { type: "text" };
import sgd from "./_sgd.wgsl" with { type: "text" };
import source from "./update.wgsl" with { type: "text" };

/** The formula of an optimizer. */
export interface Rule {
  readonly label: string;
  readonly kernel: (width: number) => VecSource;
}

function rule(label: string, formula: string): Rule {
  return { label, kernel: withVec(source + formula) };
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
}

/** Updates by `gradient`, times `norm[1]`: all elements, or the gradient's rows alone. */
export function update(gpu: Device, gradient: SummedGradient, norm: Tensor, what: Update): void {
  switch (gradient.kind) {
    case "dense":
      return launch(gpu, gradient, norm, what);
    case "sparse":
      return launch(gpu, gradient.values, norm, what, gradient.ids);
    case "tiled":
      return gradient.forEach((first, dRows) => {
        using slices = new DisposableStack();
        const part = (whole: Tensor) => slices.use(whole.slice(first, dRows.shape[0]!));
        const { parameter, state } = what;
        launch(gpu, dRows, norm, { ...what, parameter: part(parameter), state: state.map(part) });
      });
  }
}

/** Updates the rows `ids` of the parameter, or without ids all of it, four floats at a time. */
function launch(
  gpu: Device,
  gradient: Tensor,
  norm: Tensor,
  { rule, parameter, state, coefficients }: Update,
  ids?: Tensor,
): void {
  const width = ids ? parameter.size / parameter.shape[0]! : 4;
  const { source, vec } = rule.kernel(width), n = Math.ceil(gradient.size / vec);
  gpu.dispatch({
    label: rule.label,
    source,
    constants: { ROWS: ids ? 1 : 0 },
    inputs: [norm, ids ?? norm, gradient],
    outputs: [parameter, ...state],
    uniform: { n, W: width / vec, ...coefficients },
    grid: Math.ceil(n / 64),
  });
}
