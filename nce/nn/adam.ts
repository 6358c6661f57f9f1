/** Adam: moments of the gradient and of its square set the step size of each element. */

import { expectFraction } from "../../kernels/device/expect.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { ADAM_RULE } from "../../kernels/optimizer/update.ts";
import type { Rounding } from "../../kernels/random/rounding.ts";
import type { NamedParameter } from "./module.ts";
import { equip, Optimizer, zerosLike } from "./optimizer.ts";
import { expectOptimizer, type OptimizerOptions } from "./optimizer_options.ts";
import type { Slot } from "./slot.ts";

/** Coefficients of {@linkcode Adam}. */
export interface AdamOptions extends OptimizerOptions {
  /** Decay rate of the mean gradient; 0.9 unless given. */
  beta1?: number;
  /** Decay rate of the mean squared gradient; 0.999 unless given. */
  beta2?: number;
}

const EPSILON = 1e-8;

/**
 * With g the clipped gradient of the parameter's step t: `d = g + weightDecay * p`,
 * `m = beta1 * m + (1 - beta1) * d`, `s = beta2 * s + (1 - beta2) * d^2`,
 * `p = p - lr * m' / (sqrt(s') + 1e-8)` with `m' = m / (1 - beta1^t)` and `s' = s / (1 - beta2^t)`.
 *
 * The same update as PyTorch's `Adam`. If a gradient has only some rows of a table, the update is lazy, that of
 * PyTorch's `SparseAdam`: only these rows and their moments move, and t counts the steps of the whole table.
 * So it differs from a dense update, whose moments move and are applied in all rows. As there, such rows have
 * no weight decay, and 1e-8 is added to `sqrt(s)`, not to `sqrt(s')`.
 *
 * It keeps m (`NAME.moment`) and s (`NAME.squares`), and counts the steps t.
 */
export class Adam extends Optimizer {
  /**
   * Makes the moments, 0 at first.
   *
   * @throws {RangeError} If a coefficient is out of range, a parameter is listed twice, or two have one name.
   * @throws {TypeError} If anything but parameters is listed.
   */
  constructor(gpu: Gpu, parameters: readonly NamedParameter[], options: AdamOptions) {
    expectOptimizer("Adam", gpu, parameters, options, ["beta1", "beta2"]);
    const { beta1 = 0.9, beta2 = 0.999, weightDecay = 0 } = options;
    for (const [name, beta] of Object.entries({ beta1, beta2 })) {
      expectFraction("make Adam", name, beta);
    }
    super("Adam", gpu, parameters, options);
    const fixed = { beta1, beta2, weightDecay };
    equip(this, options, (parameter, rounding) => slotOf(gpu, parameter, rounding, fixed));
  }
}

type Fixed = Required<Pick<AdamOptions, "beta1" | "beta2" | "weightDecay">>;

/** The updates that `rounding` counts are the steps t. */
function slotOf(
  gpu: Gpu,
  parameter: Tensor,
  rounding: Rounding,
  { beta1, beta2, weightDecay }: Fixed,
): Slot {
  const moment = zerosLike(gpu, parameter), squares = zerosLike(gpu, parameter);
  return {
    rounding,
    countsUpdates: true,
    kept: [["moment", moment], ["squares", squares]],
    update(gradient, updates, lr) {
      const key = rounding.next(), t = rounding.updates;
      const correction = Math.sqrt(1 - beta2 ** t), isSparse = gradient.kind === "sparse";
      updates.add(gradient, {
        rule: ADAM_RULE,
        parameter,
        state: [moment, squares],
        coefficients: {
          step_size: lr * correction / (1 - beta1 ** t),
          weight_decay: isSparse ? 0 : weightDecay,
          rate1: 1 - beta1,
          rate2: 1 - beta2,
          epsilon: isSparse ? EPSILON : EPSILON * correction,
        },
        key,
      });
    },
  };
}
