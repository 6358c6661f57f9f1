/** Stochastic gradient descent with momentum and weight decay. */

import { expectFraction } from "../../kernels/device/expect.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { LazyRows } from "../../kernels/optimizer/lazy_rows.ts";
import type { SGDCoefficients } from "../../kernels/optimizer/step_products.ts";
import { MOMENTUM_RULE, SGD_RULE } from "../../kernels/optimizer/update.ts";
import type { Rounding } from "../../kernels/random/rounding.ts";
import type { NamedParameter } from "./module.ts";
import { equip, Optimizer, zerosLike } from "./optimizer.ts";
import { expectOptimizer, type OptimizerOptions } from "./optimizer_options.ts";
import type { Slot } from "./slot.ts";

/** Coefficients of {@linkcode SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** Momentum; 0 unless given. */
  momentum?: number;
}

/**
 * With g the clipped gradient: `d = g + weightDecay * p; m = momentum * m + d; p = p - lr * m`.
 *
 * The same update as PyTorch's `clip_grad_norm_` and `SGD` with dense gradients. If a gradient has only some
 * rows of a table, momentum and decay of the other rows are deferred until a row is read: the cost of a step
 * does not depend on the size of the table, even if the learning rate changes in each.
 *
 * It keeps the moments (`NAME.moment`), unless the momentum is 0, and of a table with deferred updates the step
 * that each row is up to date with (`NAME.steps` [rows], ids). It counts the steps whose updates are deferred: for
 * each run of equal learning rates the number of steps and the rate; before them, for a table of 16-bit floats,
 * the number of its updates.
 */
export class SGD extends Optimizer {
  /**
   * Makes a zero moment for each parameter, if there is momentum.
   *
   * @throws {RangeError} If a coefficient is out of range, a parameter is listed twice, or two have one name.
   * @throws {TypeError} If anything but parameters is listed.
   */
  constructor(gpu: Gpu, parameters: readonly NamedParameter[], options: SGDOptions) {
    expectOptimizer("SGD", gpu, parameters, options, ["momentum"]);
    const { momentum = 0, weightDecay = 0 } = options;
    expectFraction("make SGD", "momentum", momentum);
    super("SGD", gpu, parameters, options);
    const fixed = { momentum, weightDecay };
    equip(this, options, (parameter, rounding) => slotOf(gpu, parameter, rounding, fixed));
  }
}

function slotOf(gpu: Gpu, parameter: Tensor, rounding: Rounding, fixed: SGDCoefficients): Slot {
  const { momentum, weightDecay } = fixed;
  const moment = momentum > 0 ? zerosLike(gpu, parameter) : undefined;
  let lazy: LazyRows | undefined;
  const defer = moment || weightDecay > 0
    ? () => lazy ??= new LazyRows(gpu, parameter, fixed, rounding, moment)
    : undefined;
  return {
    rounding,
    countsUpdates: parameter.dtype === "f16",
    kept: moment ? [["moment", moment]] : [],
    get lazy() {
      return lazy;
    },
    defer,
    update(gradient, updates, lr) {
      if (gradient.kind === "sparse" && defer) return defer().update(gradient, updates.norm, lr);
      updates.add(gradient, {
        rule: moment ? MOMENTUM_RULE : SGD_RULE,
        parameter,
        state: moment ? [moment] : [],
        coefficients: { lr, ...(moment && { momentum }), weight_decay: weightDecay },
        key: rounding.next(),
      });
    },
  };
}
