/** Adagrad: each element has its own step size, which falls as its squared gradients add up. */

import { expectBoolean } from "../../kernels/device/expect.ts";
import { madeLike } from "../../kernels/device/parts.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { updateRowwise } from "../../kernels/optimizer/rowwise_adagrad.ts";
import { ADAGRAD_RULE } from "../../kernels/optimizer/update.ts";
import type { Rounding } from "../../kernels/random/rounding.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import type { NamedParameter } from "./module.ts";
import { equip, Optimizer, zerosLike } from "./optimizer.ts";
import { expectOptimizer, type OptimizerOptions } from "./optimizer_options.ts";
import type { Slot } from "./slot.ts";

const EPSILON = 1e-10;

/** Coefficients of {@linkcode Adagrad}. */
export interface AdagradOptions extends OptimizerOptions {
  /** Whether one sum is kept for a row of a parameter, not one for each element; false unless given. */
  rowwise?: boolean;
}

/**
 * With g the clipped gradient: `d = g + weightDecay * p; s = s + d^2; p = p - lr * d / (sqrt(s) + 1e-10)`.
 *
 * The same update as PyTorch's `Adagrad`. If a gradient has only some rows of a table, only these move and are
 * read: without weight decay that is exactly the dense update. Such rows have no weight decay in that step,
 * which PyTorch refuses.
 *
 * With `rowwise`, all elements of a row share the sum of the mean of d^2, which costs hardly any memory (Mudigere
 * et al. 2022, arXiv 2104.05158).
 *
 * It keeps the sum s (`NAME.squares`), defers nothing, and counts the updates of a table of 16-bit floats.
 */
export class Adagrad extends Optimizer {
  /**
   * Makes the sums, 0 at first.
   *
   * @throws {RangeError} If a coefficient is out of range, a parameter is listed twice, or two have one name.
   * @throws {TypeError} If anything but parameters is listed.
   */
  constructor(gpu: Gpu, parameters: readonly NamedParameter[], options: AdagradOptions) {
    expectOptimizer("Adagrad", gpu, parameters, options, ["rowwise"]);
    if (options.rowwise !== undefined) expectBoolean("make Adagrad", "rowwise", options.rowwise);
    super("Adagrad", gpu, parameters, options);
    equip(this, options, (parameter, rounding) => slotOf(gpu, parameter, rounding, options));
  }
}

function slotOf(
  gpu: Gpu,
  parameter: Tensor,
  rounding: Rounding,
  { weightDecay = 0, rowwise = false }: AdagradOptions,
): Slot {
  const byRow = rowwise && parameter.shape.length > 1; // of a vector, every element is a row
  const squares = byRow
    ? madeLike(parameter, ([V]) => gpu.tensor([V!]))
    : zerosLike(gpu, parameter);
  return {
    rounding,
    countsUpdates: parameter.dtype === "f16",
    kept: [["squares", squares]],
    update(gradient, updates, lr) {
      const weight_decay = gradient.kind === "sparse" ? 0 : weightDecay;
      const coefficients = { lr, weight_decay, epsilon: EPSILON }, key = rounding.next();
      if (byRow) {
        const what = { parameter, squares, coefficients, key };
        return updateRowwise(gpu, gradient, updates.norm, what);
      }
      updates.add(gradient, {
        rule: ADAGRAD_RULE,
        parameter,
        state: [squares],
        coefficients,
        key,
      });
    },
  };
}
