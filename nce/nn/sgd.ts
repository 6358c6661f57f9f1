/** Stochastic gradient descent with momentum and weight decay. */

import type { SummedGradient } from "../../kernels/autograd/gradients.ts";
import { expectNumber } from "../../kernels/device/expect.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { LazyRows, type SGDCoefficients } from "../../kernels/optimizer/lazy_rows.ts";
import { MOMENTUM_RULE, SGD_RULE, type StepUpdates } from "../../kernels/optimizer/update.ts";
import type { Rounding } from "../../kernels/random/rounding.ts";
import type { NamedParameter } from "./module.ts";
import {
  equip,
  expectOptimizer,
  Optimizer,
  type OptimizerOptions,
  roundingOf,
  type Slot,
  zerosLike,
} from "./optimizer.ts";

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
 * Kept are the moments (`NAME.moment`), unless the momentum is 0, and of a table with deferred updates which
 * of them each row has had (`NAME.steps` [rows], ids). Counted are the steps of which updates are deferred:
 * for each run of equal learning rates the number of steps and the rate; before them, of a table of 16-bit
 * floats, how many updates it has had.
 */
export class SGD extends Optimizer {
  /**
   * Makes a zero moment for each parameter, if there is momentum.
   *
   * @throws {RangeError} If a coefficient is out of range, a parameter is listed twice, or two have one name.
   * @throws {TypeError} If anything but parameters is listed.
   */
  constructor(gpu: Gpu, parameters: readonly NamedParameter[], options: SGDOptions) {
    expectOptimizer("SGD", gpu, parameters, options);
    const { momentum = 0, weightDecay = 0 } = options;
    expectNumber("make SGD", "momentum", momentum, (m) => m >= 0 && m < 1, "in [0, 1)");
    super("SGD", gpu, parameters, options);
    const fixed = { momentum, weightDecay };
    equip(
      this,
      parameters.map(([path, parameter]) => {
        return new SGDSlot(gpu, parameter, fixed, roundingOf(path, options));
      }),
    );
  }
}

class SGDSlot implements Slot {
  readonly #gpu: Gpu;
  readonly #parameter: Tensor;
  readonly #moment: Tensor | undefined;
  readonly #fixed: SGDCoefficients;
  readonly #rounding: Rounding;
  lazy: LazyRows | undefined;

  constructor(gpu: Gpu, parameter: Tensor, fixed: SGDCoefficients, rounding: Rounding) {
    this.#gpu = gpu;
    this.#parameter = parameter;
    this.#moment = fixed.momentum > 0 ? zerosLike(gpu, parameter) : undefined;
    this.#fixed = fixed;
    this.#rounding = rounding;
  }

  get counts(): number[] {
    const runs = this.lazy?.runs ?? [], { updates } = this.#rounding;
    return this.#isRounded && updates > 0 ? [updates, ...runs] : runs;
  }

  restore(counts: readonly number[]): void {
    const [updates, ...runs] = this.#isRounded ? counts : [0, ...counts];
    this.#rounding.updates = updates!;
    if (runs.length > 0 || this.lazy) this.#makeLazy().restore(runs);
  }

  kept(): NamedParameter[] {
    const kept: NamedParameter[] = this.#moment ? [["moment", this.#moment]] : [];
    return this.lazy && this.lazy.runs.length > 0 ? [...kept, ["steps", this.lazy.last]] : kept;
  }

  update(gradient: SummedGradient, updates: StepUpdates, lr: number): void {
    const { momentum, weightDecay } = this.#fixed, moment = this.#moment;
    if (gradient.kind === "sparse" && (moment || weightDecay > 0)) {
      return this.#makeLazy().update(gradient, updates.norm, lr);
    }
    updates.add(gradient, {
      rule: moment ? MOMENTUM_RULE : SGD_RULE,
      parameter: this.#parameter,
      state: moment ? [moment] : [],
      coefficients: { lr, ...(moment && { momentum }), weight_decay: weightDecay },
      key: this.#rounding.next(),
    });
  }

  get #isRounded(): boolean {
    return this.#parameter.dtype === "f16";
  }

  #makeLazy(): LazyRows {
    return this.lazy ??= new LazyRows(
      this.#gpu,
      this.#parameter,
      this.#fixed,
      this.#rounding,
      this.#moment,
    );
  }
}
