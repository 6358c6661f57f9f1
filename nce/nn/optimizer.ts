/** What all optimizers share: the parameters, the learning rate, and clipping by the global norm. */

import {
  expectFromZero,
  expectList,
  expectNames,
  expectNumber,
  expectSeed,
  isFloat,
  show,
} from "../../kernels/device/expect.ts";
import { madeLike } from "../../kernels/device/parts.ts";
import { Gradients, type SummedGradient } from "../../kernels/autograd/gradients.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { clipScale } from "../../kernels/optimizer/clip.ts";
import { StepUpdates } from "../../kernels/optimizer/update.ts";
import { Rounding } from "../../kernels/random/rounding.ts";
import { sameStream, streamOf } from "../../kernels/random/stream.ts";
import { expectTensor, partsOn, type Tensor } from "../../kernels/device/tensor.ts";
import { expectOptions, type NamedParameter } from "./module.ts";
import { countsOf, expectCounts, restoreCounts, type Slot } from "./slot.ts";

/** Coefficients of every {@linkcode Optimizer}. */
export interface OptimizerOptions {
  /** Learning rate. */
  lr: number;
  /** Weight decay, an L2 penalty that is added to the gradient; 0 unless given. */
  weightDecay?: number;
  /** Largest global norm of the gradient; a longer one is scaled down. No clipping unless given. */
  clip?: number;
  /** Seed of the random rounding of tables of 16-bit floats; 0 unless given. */
  seed?: number;
}

function expectLr(doing: string, lr: unknown): void {
  expectNumber(doing, "lr", lr, (rate) => rate > 0 && isFloat(rate), "a positive finite number");
}

/**
 * Throws unless `parameters` are named tensors, each listed once: a second moment would update it twice.
 * Names must differ, because initial values depend on them.
 */
function expectParameters(name: string, gpu: Gpu, parameters: readonly NamedParameter[]): void {
  const doing = `make ${name}`;
  expectList(doing, "parameters", parameters);
  const names = new Map<Tensor, string>(), streams = new Map<number, string>();
  for (const entry of parameters) {
    if (!Array.isArray(entry)) {
      const found = show(entry);
      throw new TypeError(`Cannot ${doing}: a parameter is ${found}, not a pair [name, tensor]`);
    }
    const [path, parameter] = entry;
    expectTensor(name, `parameter ${path}`, parameter);
    partsOn(doing, parameter, gpu.device);
    const before = names.get(parameter);
    if (before !== undefined) {
      throw new RangeError(`Cannot ${doing}: ${before} and ${path} are one tensor; list it once`);
    }
    names.set(parameter, path);
    const stream = streamOf(path), other = streams.get(stream);
    if (other !== undefined) throw sameStream(`${doing} of these parameters`, other, path);
    streams.set(stream, path);
  }
}

/** Throws unless an optimizer called `name` can be made of these arguments; `own` are its further options. */
export function expectOptimizer<T extends OptimizerOptions>(
  name: string,
  gpu: Gpu,
  parameters: readonly NamedParameter[],
  options: T,
  own: readonly (keyof T & string)[] = [],
): void {
  expectOptions(name, gpu, options, [], ["lr", "weightDecay", "clip", "seed", ...own]);
  expectParameters(name, gpu, parameters);
  const { lr, weightDecay = 0, clip = Infinity, seed = 0 } = options, doing = `make ${name}`;
  expectLr(doing, lr);
  expectFromZero(doing, "weightDecay", weightDecay);
  expectSeed(doing, seed);
  expectNumber(doing, "clip", clip, (norm) => norm > 0, "a positive number");
}

/** A zero tensor like `parameter`, for a moment or a sum. */
export function zerosLike(gpu: Gpu, parameter: Tensor): Tensor {
  return madeLike(parameter, (shape) => gpu.tensor(shape));
}

/** Makes the slot of a parameter, whose table of 16-bit floats is rounded by `rounding`. */
type SlotOf = (parameter: Tensor, rounding: Rounding) => Slot;

/** Gives an optimizer the slots of its parameters: its class calls this, users never meet them. */
export let equip: (optimizer: Optimizer, options: OptimizerOptions, slotOf: SlotOf) => void;

/**
 * Updates parameters by their gradients: {@linkcode SGD}, {@linkcode Adagrad} or {@linkcode Adam}. The learning rate
 * {@linkcode lr} may be set between steps.
 */
export abstract class Optimizer implements Disposable {
  /** [2] Global gradient norm before clipping and the clipping factor of the last step. */
  readonly norm: Tensor;
  readonly #gpu: Gpu;
  readonly #name: string;
  readonly #parameters: readonly NamedParameter[];
  readonly #clip: number;
  #lr: number;
  #pauses = 0;
  #slots: readonly Slot[] = [];

  static {
    equip = (optimizer, { seed = 0 }, slotOf) => {
      optimizer.#slots = optimizer.#parameters.map(([path, parameter]) => {
        return slotOf(parameter, new Rounding(seed, streamOf(path)));
      });
    };
  }

  /** The arguments are checked already. */
  protected constructor(
    name: string,
    gpu: Gpu,
    parameters: readonly NamedParameter[],
    { lr, clip = Infinity }: OptimizerOptions,
  ) {
    this.#name = name;
    this.#gpu = gpu;
    this.#parameters = [...parameters];
    this.#lr = lr;
    this.#clip = clip;
    this.norm = gpu.tensor([2]);
  }

  /** Learning rate; may be changed between steps. */
  get lr(): number {
    return this.#lr;
  }

  /** Throws a RangeError unless it is positive and finite. */
  set lr(lr: number) {
    expectLr(`go on with ${this.#name}`, lr);
    this.#lr = lr;
  }

  /**
   * All tensors that a further step depends on, by name: the parameters, and what is kept of each, such as
   * `NAME.moment`.
   */
  tensors(): NamedParameter[] {
    return this.#parameters.flatMap((parameter, at): NamedParameter[] => {
      const kept = this.#slots[at]!.kept();
      return [parameter, ...kept.map(([word, t]) => [`${parameter[0]}.${word}`, t] as const)];
    });
  }

  /** Numbers that a further step depends on, too, by the names of the parameters that have some. */
  get counts(): Readonly<Record<string, readonly number[]>> {
    const all = this.#parameters.map(([name], at) => [name, countsOf(this.#slots[at]!)] as const);
    return Object.fromEntries(all.filter(([, counts]) => counts.length > 0));
  }

  /**
   * Goes on from where {@linkcode counts} gave this, whatever came before. The {@linkcode tensors} have to be written,
   * too, before what this returns is disposed of: it is a {@linkcode hold}.
   *
   * @example
   * ```ts ignore
   * using _held = optimizer.restore(counts);
   * for (const [name, tensor] of optimizer.tensors()) gpu.write(tensor, saved[name]);
   * ```
   *
   * @throws {TypeError} If no parameter has one of the names, or its numbers are none that it can have; then nothing
   *   has changed.
   */
  restore(counts: Readonly<Record<string, readonly number[]>>): Disposable {
    const doing = `restore ${this.#name}`;
    expectNames(doing, "counts", counts, this.#parameters.map(([name]) => name));
    const all = this.#parameters.map(([name], at) => {
      const { [name]: own = [] } = counts;
      return { name, slot: this.#slots[at]!, own };
    });
    for (const { name, slot, own } of all) expectCounts(doing, name, slot, own);
    for (const { slot, own } of all) restoreCounts(slot, own);
    return this.hold();
  }

  /**
   * Until what this returns is disposed of, deferred updates stay deferred though their tables are read or
   * written: so {@linkcode tensors} can be saved as they are. Nothing may be computed meanwhile, and no step taken.
   */
  hold(): Disposable {
    const held = this.#pause();
    for (const { lazy } of this.#slots) if (lazy) held.use(lazy.hold());
    return held;
  }

  /**
   * Keeps what is deferred, and puts it back when what this returns is disposed of: whatever reads the
   * parameters between leaves no trace, not even in the rounding of what follows. No step may be taken
   * meanwhile. It copies the tables that have deferred updates.
   */
  undisturbed(): Disposable {
    const gpu = this.#gpu, { counts } = this;
    const tensors = this.#slots.flatMap((slot, at) => {
      const waits = slot.lazy !== undefined && slot.lazy.runs.length > 0;
      return waits ? [this.#parameters[at]![1], ...slot.kept().map(([, tensor]) => tensor)] : [];
    });
    const copies = tensors.map((tensor) => {
      return madeLike(tensor, (shape) => gpu.temporary(shape, tensor.dtype));
    });
    {
      using _held = this.hold();
      tensors.forEach((tensor, i) => gpu.copy(tensor, copies[i]!));
    }
    const paused = this.#pause();
    paused.defer(() => {
      using _held = this.restore(counts);
      tensors.forEach((tensor, i) => gpu.copy(copies[i]!, tensor));
      for (const copy of copies) copy.dispose();
    });
    return paused;
  }

  /** Refuses steps until what this returns is disposed of. */
  #pause(): DisposableStack {
    const paused = new DisposableStack();
    this.#pauses++;
    paused.defer(() => this.#pauses--);
    return paused;
  }

  /**
   * Updates every parameter that a gradient reached, by the gradients of one backward pass.
   *
   * For the gradients of several losses, go backward from their sum (`add`), within one step.
   *
   * @throws {TypeError} If `gradients` are not from `backward`, or reached none of the parameters, or on a
   *   {@linkcode hold}.
   */
  step(gradients: Gradients): void {
    if (!(gradients instanceof Gradients)) {
      throw new TypeError(
        `Cannot update by ${show(gradients)}: give what one step.backward() returned; ` +
          "to gather the gradients of several losses, add() the losses",
      );
    }
    if (this.#pauses > 0) {
      const calls = "restore(), hold() or undisturbed()";
      throw new TypeError(`Cannot update: first dispose of what ${this.#name}.${calls} returned`);
    }
    const found = this.#parameters.flatMap(([, parameter], at) => {
      const gradient = gradients.get(parameter);
      return gradient ? [{ slot: this.#slots[at]!, gradient }] : [];
    });
    if (found.length === 0) {
      throw new TypeError("Cannot update: the loss was computed from none of these parameters");
    }
    clipScale(this.#gpu, this.norm, found.map(({ gradient }) => gradient), this.#clip);
    // Tiled gradients come first: they are computed from other parameters, which must not have moved.
    const order = ({ gradient }: { gradient: SummedGradient }) => gradient.kind === "tiled" ? 0 : 1;
    found.sort((a, b) => order(a) - order(b));
    const updates = new StepUpdates(this.#gpu, this.norm);
    for (const { slot, gradient } of found) slot.update(gradient, updates, this.#lr);
    updates.finish();
  }

  /** Applies what is deferred, and frees what is kept; the parameters stay the caller's. */
  dispose(): void {
    this.norm.dispose();
    for (const slot of this.#slots) {
      slot.lazy?.[Symbol.dispose]();
      for (const [, tensor] of slot.kept()) tensor.dispose();
    }
  }

  /** The same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
