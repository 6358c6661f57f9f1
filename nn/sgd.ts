/** Stochastic gradient descent with momentum, weight decay and clipping by the global norm. */

import type { Gradient, Gradients } from "../kernels/gradients.ts";
import type { Gpu } from "../kernels/gpu.ts";
import { LazyRows } from "../kernels/lazy.ts";
import { clipScale, sgdUpdate, sgdUpdateTiled } from "../kernels/sgd.ts";
import type { Tensor } from "../kernels/tensor.ts";
import type { NamedParameter } from "./module.ts";

/** Coefficients of {@linkcode SGD}. */
export interface SGDOptions {
  /** Learning rate. */
  lr: number;
  /** Momentum; 0 unless given. */
  momentum?: number;
  /** Weight decay, an L2 penalty that is added to the gradient; 0 unless given. */
  weightDecay?: number;
  /** Largest global norm of the gradient; a longer one is scaled down. No clipping unless given. */
  clip?: number;
}

interface Entry {
  readonly parameter: Tensor;
  readonly moment: Tensor;
  lazy?: LazyRows;
}

/**
 * With g the clipped gradient: `d = g + weightDecay * p; m = momentum * m + d; p = p - lr * m`.
 *
 * The same update as PyTorch's `clip_grad_norm_` and `SGD` of dense gradients. Where a gradient has some
 * rows of a table only, the other rows' momentum and decay wait until a row is read: a step costs what
 * its rows cost.
 */
export class SGD implements Disposable {
  /** Learning rate; may be changed between steps. */
  lr: number;
  /** [2] Global gradient norm before clipping and the clipping factor of the last step. */
  readonly norm: Tensor;
  readonly #gpu: Gpu;
  readonly #momentum: number;
  readonly #weightDecay: number;
  readonly #clip: number;
  readonly #parameters: readonly Entry[];

  /** Makes a zero moment for each parameter. Throws a RangeError if a coefficient is out of range. */
  constructor(gpu: Gpu, parameters: readonly NamedParameter[], options: SGDOptions) {
    const { lr, momentum = 0, weightDecay = 0, clip = Infinity } = options;
    const valid = lr > 0 && momentum >= 0 && momentum < 1 && weightDecay >= 0 && clip > 0;
    if (!valid) throw new RangeError(`Cannot make SGD with ${JSON.stringify(options)}`);
    this.#gpu = gpu;
    this.lr = lr;
    this.#momentum = momentum;
    this.#weightDecay = weightDecay;
    this.#clip = clip;
    this.norm = gpu.tensor([2]);
    this.#parameters = parameters.map(([, parameter]) => ({
      parameter,
      moment: gpu.tensor(parameter.shape),
    }));
  }

  /** Updates every parameter that a gradient reached. */
  step(gradients: Gradients): void {
    const found = this.#parameters.flatMap((entry) => {
      const gradient = gradients.get(entry.parameter);
      return gradient ? [{ entry, gradient }] : [];
    });
    clipScale(this.#gpu, this.norm, found.map(({ gradient }) => gradient), this.#clip);
    // Tiled gradients are computed from other parameters, which must not have moved yet: they are first.
    const order = ({ gradient }: { gradient: Gradient }) => gradient.kind === "tiled" ? 0 : 1;
    found.sort((a, b) => order(a) - order(b));
    for (const { entry, gradient } of found) this.#update(entry, gradient);
  }

  #update(entry: Entry, gradient: Gradient): void {
    const gpu = this.#gpu, { norm } = this, { parameter, moment } = entry;
    const coefficients = {
      lr: this.lr,
      momentum: this.#momentum,
      weightDecay: this.#weightDecay,
    };
    if (gradient.kind === "tiled") {
      sgdUpdateTiled(gpu, parameter, moment, gradient.value, norm, coefficients);
    } else if (gradient.kind === "dense") {
      sgdUpdate(gpu, parameter, moment, gradient.value, norm, coefficients);
    } else {
      entry.lazy ??= new LazyRows(gpu, parameter, moment);
      entry.lazy.update(gradient.value, norm, coefficients);
    }
  }

  /** Ends what the parameters still wait for, and frees the moments. */
  [Symbol.dispose](): void {
    this.norm.dispose();
    for (const { moment, lazy } of this.#parameters) lazy?.[Symbol.dispose](), moment.dispose();
  }
}
