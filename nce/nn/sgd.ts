/** Stochastic gradient descent with momentum, weight decay and clipping by the global norm. */

import {
  expectFromZero,
  expectNumber,
  expectObject,
  isFloat,
  show,
} from "../../kernels/device/expect.ts";
import { madeLike } from "../../kernels/device/parts.ts";
import { Gradients, type SummedGradient } from "../../kernels/autograd/gradients.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { LazyRows } from "../../kernels/optimizer/lazy_rows.ts";
import {
  clipScale,
  type SGDCoefficients,
  sgdUpdate,
  sgdUpdateTiled,
} from "../../kernels/optimizer/sgd.ts";
import { sameStream, streamOf } from "../../kernels/random/stream.ts";
import { expectTensor, type Tensor } from "../../kernels/device/tensor.ts";
import { expectOptions, type NamedParameter } from "./module.ts";

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
  readonly name: string;
  readonly parameter: Tensor;
  readonly moment: Tensor;
  lazy?: LazyRows;
}

const DOING = "make SGD";

function tensorsOf({ name, parameter, moment, lazy }: Entry): NamedParameter[] {
  const own: NamedParameter[] = [[name, parameter], [`${name}.moment`, moment]];
  return lazy && lazy.steps > 0 ? [...own, [`${name}.steps`, lazy.last]] : own;
}

function expectLr(doing: string, lr: unknown): void {
  expectNumber(doing, "lr", lr, (rate) => rate > 0 && isFloat(rate), "a positive finite number");
}

/**
 * Throws unless `parameters` are named tensors, each listed once: a second moment would update it twice.
 * Names must differ, because initial values depend on them.
 */
function expectParameters(parameters: readonly NamedParameter[]): void {
  if (!Array.isArray(parameters)) {
    throw new TypeError(`Cannot ${DOING}: parameters are ${show(parameters)}, not an array`);
  }
  const names = new Map<Tensor, string>(), streams = new Map<number, string>();
  for (const entry of parameters) {
    expectObject(DOING, "a parameter", entry, "a pair [name, tensor]");
    const [name, parameter] = entry;
    expectTensor("SGD", `parameter ${name}`, parameter);
    const before = names.get(parameter);
    if (before !== undefined) {
      throw new RangeError(`Cannot ${DOING}: ${before} and ${name} are one tensor; list it once`);
    }
    names.set(parameter, name);
    const stream = streamOf(name), other = streams.get(stream);
    if (other !== undefined) throw sameStream(`${DOING} of these parameters`, other, name);
    streams.set(stream, name);
  }
}

/**
 * With g the clipped gradient: `d = g + weightDecay * p; m = momentum * m + d; p = p - lr * m`.
 *
 * The same update as PyTorch's `clip_grad_norm_` and `SGD` with dense gradients. If a gradient has only some
 * rows of a table, momentum and decay of the other rows are deferred until a row is read: the cost of a step
 * does not depend on the size of the table.
 */
export class SGD implements Disposable {
  /** [2] Global gradient norm before clipping and the clipping factor of the last step. */
  readonly norm: Tensor;
  readonly #gpu: Gpu;
  readonly #momentum: number;
  readonly #weightDecay: number;
  readonly #clip: number;
  readonly #parameters: readonly Entry[];
  #lr: number;

  /**
   * Makes a zero moment for each parameter.
   *
   * @throws {RangeError} If a coefficient is out of range, a parameter is listed twice, or two have one name.
   * @throws {TypeError} If anything but parameters is listed.
   */
  constructor(gpu: Gpu, parameters: readonly NamedParameter[], options: SGDOptions) {
    expectOptions("SGD", gpu, options);
    expectParameters(parameters);
    const { lr, momentum = 0, weightDecay = 0, clip = Infinity } = options;
    expectLr(DOING, lr);
    expectNumber(DOING, "momentum", momentum, (m) => m >= 0 && m < 1, "in [0, 1)");
    expectFromZero(DOING, "weightDecay", weightDecay);
    expectNumber(DOING, "clip", clip, (norm) => norm > 0, "a positive number");
    this.#gpu = gpu;
    this.#lr = lr;
    this.#momentum = momentum;
    this.#weightDecay = weightDecay;
    this.#clip = clip;
    this.norm = gpu.tensor([2]);
    this.#parameters = parameters.map(([name, parameter]) => ({
      name,
      parameter,
      moment: madeLike(parameter, (shape) => gpu.tensor(shape)),
    }));
  }

  /** Learning rate; may be changed between steps. */
  get lr(): number {
    return this.#lr;
  }

  /** Throws a RangeError unless it is positive and finite. */
  set lr(lr: number) {
    expectLr("go on with SGD", lr);
    if (lr === this.#lr) return;
    for (const { lazy } of this.#parameters) lazy?.flush(); // what waits was taken at the old rate
    this.#lr = lr;
  }

  /**
   * All tensors that a further step depends on, by name: the parameters, the moment of each (`NAME.moment`),
   * and of a table with deferred updates which of them each row has had (`NAME.steps` [rows], ids).
   */
  tensors(): NamedParameter[] {
    return this.#parameters.flatMap(tensorsOf);
  }

  /** Steps of which some rows' updates are deferred, by the names of the tables. */
  get deferred(): Readonly<Record<string, number>> {
    const behind = this.#parameters.filter(({ lazy }) => lazy !== undefined && lazy.steps > 0);
    return Object.fromEntries(behind.map(({ name, lazy }) => [name, lazy!.steps]));
  }

  /**
   * Until what this returns is disposed of, deferred updates stay deferred though their tables are read or
   * written: so {@linkcode tensors} can be saved as they are. Nothing may be computed meanwhile.
   */
  hold(): Disposable {
    const held = new DisposableStack();
    for (const { lazy } of this.#parameters) if (lazy) held.use(lazy.hold());
    return held;
  }

  /**
   * Updates are deferred as they were when {@linkcode deferred} gave this, at the same learning rate.
   * The {@linkcode tensors} have to be written, too, after this and on {@linkcode hold}.
   *
   * @throws {RangeError} If a name is none of a parameter.
   */
  restore(deferred: Readonly<Record<string, number>>): void {
    for (const [name, steps] of Object.entries(deferred)) {
      const entry = this.#parameters.find((entry) => entry.name === name);
      if (!entry) throw new RangeError(`Cannot restore SGD: there is no parameter ${show(name)}`);
      this.#lazyOf(entry).restore(steps, this.#coefficients);
    }
  }

  /**
   * Keeps what is deferred, and puts it back when what this returns is disposed of: whatever reads the
   * parameters between leaves no trace, not even in the rounding of what follows. No step may be taken
   * meanwhile. It copies the tables that have deferred updates.
   */
  undisturbed(): Disposable {
    const gpu = this.#gpu, { deferred } = this;
    const waiting = this.#parameters.filter(({ name }) => Object.hasOwn(deferred, name));
    const tensors = waiting.flatMap(tensorsOf).map(([, tensor]) => tensor);
    const copies = tensors.map((tensor) => {
      return madeLike(tensor, (shape) => gpu.temporary(shape, tensor.dtype));
    });
    {
      using _held = this.hold();
      tensors.forEach((tensor, i) => gpu.copy(tensor, copies[i]!));
    }
    return {
      [Symbol.dispose]: () => {
        this.restore(deferred);
        using _held = this.hold();
        tensors.forEach((tensor, i) => gpu.copy(copies[i]!, tensor));
        for (const copy of copies) copy.dispose();
      },
    };
  }

  /**
   * Updates every parameter that a gradient reached, by the gradients of one backward pass.
   *
   * For the gradients of several losses, go backward from their sum (`add`), within one step.
   *
   * @throws {TypeError} If `gradients` are not from `backward`, or reached none of the parameters.
   */
  step(gradients: Gradients): void {
    if (!(gradients instanceof Gradients)) {
      throw new TypeError(
        `Cannot update by ${show(gradients)}: give what one step.backward() returned; ` +
          "to gather the gradients of several losses, add() the losses",
      );
    }
    const found = this.#parameters.flatMap((entry) => {
      const gradient = gradients.get(entry.parameter);
      return gradient ? [{ entry, gradient }] : [];
    });
    if (found.length === 0) {
      throw new TypeError("Cannot update: the loss was computed from none of these parameters");
    }
    clipScale(this.#gpu, this.norm, found.map(({ gradient }) => gradient), this.#clip);
    // Tiled gradients come first: they are computed from other parameters, which must not have moved.
    const order = ({ gradient }: { gradient: SummedGradient }) => gradient.kind === "tiled" ? 0 : 1;
    found.sort((a, b) => order(a) - order(b));
    for (const { entry, gradient } of found) this.#update(entry, gradient);
  }

  #update(entry: Entry, gradient: SummedGradient): void {
    const gpu = this.#gpu, { norm } = this, { parameter, moment } = entry;
    const coefficients = this.#coefficients;
    switch (gradient.kind) {
      case "dense":
        return sgdUpdate(gpu, parameter, moment, gradient, norm, coefficients);
      case "sparse":
        return this.#lazyOf(entry).update(gradient, norm, coefficients);
      case "tiled":
        return sgdUpdateTiled(gpu, parameter, moment, gradient, norm, coefficients);
    }
  }

  get #coefficients(): SGDCoefficients {
    return { lr: this.#lr, momentum: this.#momentum, weightDecay: this.#weightDecay };
  }

  #lazyOf(entry: Entry): LazyRows {
    return entry.lazy ??= new LazyRows(this.#gpu, entry.parameter, entry.moment);
  }

  /** Applies deferred updates, and frees the moments. */
  [Symbol.dispose](): void {
    this.norm.dispose();
    for (const { moment, lazy } of this.#parameters) lazy?.[Symbol.dispose](), moment.dispose();
  }
}
