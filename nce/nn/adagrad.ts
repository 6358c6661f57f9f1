/** Adagrad: each element has its own step size, which falls with the gradients that it has had. */

import type { Tensor } from "../../kernels/device/tensor.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { ADAGRAD_RULE } from "../../kernels/optimizer/update.ts";
import type { NamedParameter } from "./module.ts";
import {
  equip,
  expectOptimizer,
  Optimizer,
  type OptimizerOptions,
  type Slot,
  zerosLike,
} from "./optimizer.ts";

const EPSILON = 1e-10;

/**
 * With g the clipped gradient: `d = g + weightDecay * p; s = s + d^2; p = p - lr * d / (sqrt(s) + 1e-10)`.
 *
 * The same update as PyTorch's `Adagrad`. If a gradient has only some rows of a table, only these move and are
 * read: without weight decay that is exactly the dense update. Such rows have no weight decay in that step,
 * which PyTorch refuses.
 *
 * Kept is the sum s (`NAME.squares`); nothing is counted or deferred.
 */
export class Adagrad extends Optimizer {
  /**
   * Makes the sums, 0 at first.
   *
   * @throws {RangeError} If a coefficient is out of range, a parameter is listed twice, or two have one name.
   * @throws {TypeError} If anything but parameters is listed.
   */
  constructor(gpu: Gpu, parameters: readonly NamedParameter[], options: OptimizerOptions) {
    expectOptimizer("Adagrad", gpu, parameters, options);
    super("Adagrad", gpu, parameters, options);
    equip(this, parameters.map(([, parameter]) => slotOf(gpu, parameter, options)));
  }
}

function slotOf(gpu: Gpu, parameter: Tensor, { weightDecay = 0 }: OptimizerOptions): Slot {
  const squares = zerosLike(gpu, parameter);
  return {
    counts: [],
    restore: () => {},
    kept: () => [["squares", squares]],
    update(gradient, updates, lr) {
      const weight_decay = gradient.kind === "sparse" ? 0 : weightDecay;
      updates.add(gradient, {
        rule: ADAGRAD_RULE,
        parameter,
        state: [squares],
        coefficients: { lr, weight_decay, epsilon: EPSILON },
      });
    },
  };
}
