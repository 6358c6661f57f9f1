/** What all optimizers share: the parameters, the learning rate, and clipping by the global norm. */

import { idLimitOf } from "../../kernels/device/dtype.ts";
import { expectFunction, expectObject, show } from "../../kernels/device/expect.ts";
import { madeLike } from "../../kernels/device/parts.ts";
import { asItLies } from "../../kernels/device/pending.ts";
import { Gradients, type SummedGradient } from "../../kernels/autograd/gradients.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { clipScale } from "../../kernels/optimizer/clip.ts";
import { StepUpdates } from "../../kernels/optimizer/update.ts";
import { Rounding } from "../../kernels/random/rounding.ts";
import { streamOf } from "../../kernels/random/stream.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import type { NamedParameter } from "./module.ts";
import { expectLr, type OptimizerOptions } from "./optimizer_options.ts";
import {
  type Counted,
  counted,
  countedIn,
  expectSteps,
  type FillTensor,
  forget,
  goOn,
  headerOf,
  keptAside,
  type OptimizerHeader,
  type OptimizerState,
  type SavedOptimizer,
  tensorsOf,
} from "./optimizer_state.ts";
import { expectData, readAll, type SavedTensors, writeAll } from "./saved.ts";
import type { Entry, Slot } from "./slot.ts";

/** A zero tensor like `parameter`, for a moment or a sum. */
export function zerosLike(gpu: Gpu, parameter: Tensor): Tensor {
  return madeLike(parameter, (shape) => gpu.tensor(shape));
}

/** Makes the slot of a parameter, whose table of 16-bit floats is rounded by `rounding`. */
type SlotOf = (parameter: Tensor, rounding: Rounding) => Slot;

/** Gives an optimizer the slots of its parameters: its class calls this, users never meet them. */
export let equip: (optimizer: Optimizer, options: OptimizerOptions, slotOf: SlotOf) => void;

/** Where an optimizer works, and what it has of each parameter: other classes call this, users never meet it. */
export let insideOf: (
  optimizer: Optimizer,
) => { readonly gpu: Gpu; readonly entries: readonly Entry[] };

// Why an optimizer neither steps nor saves.
const HELD = "while its state is held: await save(), or dispose of what state() returned, first";
const LOADING = "while it is loaded: await load() first";
const FAILED = "after loading has failed half-way: load a whole state first";
const UNDISTURBED = "while it is undisturbed: dispose of what undisturbed() returned first";

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
  #entries: readonly Entry[] = [];
  /** How many states are held. */
  #held = 0;
  /** Why neither steps nor states can be taken. */
  #busy: string | undefined;

  static {
    equip = (optimizer, { seed = 0 }, slotOf) => {
      optimizer.#entries = optimizer.#parameters.map(([name, parameter]) => {
        return { name, parameter, slot: slotOf(parameter, new Rounding(seed, streamOf(name))) };
      });
    };
    insideOf = (optimizer) => ({ gpu: optimizer.#gpu, entries: optimizer.#entries });
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
   * What the optimizer goes on from, to be written some tensors or rows at a time. Until it is disposed of,
   * {@linkcode step} throws, and so does any use of tables whose rows wait for updates but reading its tensors.
   *
   * @throws {TypeError} While the optimizer is loaded or undisturbed, or if loading has failed half-way.
   */
  state(): OptimizerState {
    this.#expectFree("save");
    using made = new DisposableStack();
    const entries = counted(this.#entries), header = headerOf(this.#name, this.#lr, entries);
    for (const { slot: { lazy } } of entries) if (lazy) made.use(lazy.hold());
    const tensors = tensorsOf(entries)
      .map(([name, tensor]) => [name, made.use(asItLies(tensor))] as const);
    this.#held++;
    made.defer(() => void this.#held--);
    const held = made.move();
    return { header, tensors, [Symbol.dispose]: () => held.dispose() };
  }

  /**
   * All that {@linkcode load} goes on from: the learning rate, the counts, the parameters and what is kept of them.
   * The number of the step and what the constructor took besides `lr` are the caller's.
   *
   * @throws {TypeError} As {@linkcode state}; if a table is divided among ranks, which only `state` gives.
   */
  async save(): Promise<SavedOptimizer> {
    using state = this.state();
    const tensors = await readAll(`save ${this.#name}`, state.tensors);
    return { ...state.header, tensors };
  }

  /**
   * Goes on from what {@linkcode save} gave, to the same bits, whatever this optimizer did before. Nothing changes
   * unless all of it fits.
   *
   * @throws {RangeError} If it is of another kind of optimizer, or of other parameters.
   * @throws {TypeError} If it is no state, if a state is held, or a table is divided among ranks.
   */
  load(saved: SavedOptimizer): void;
  /**
   * Goes on from the header of a {@linkcode state}: `fill` writes the numbers of each tensor, as from a file. If it
   * fails, nothing but another `load` is possible.
   *
   * @throws {RangeError | TypeError} As above, before anything changes.
   */
  load(header: OptimizerHeader, fill: FillTensor): Promise<void>;
  load(saved: OptimizerHeader, fill?: FillTensor): void | Promise<void> {
    const doing = `load ${this.#name}`;
    if (this.#busy !== FAILED) this.#expectFree("load", this.#held);
    expectObject(doing, "its state", saved, "what save() gave");
    const entries = countedIn(doing, saved, this.#name, this.#entries);
    expectLr(doing, saved.lr);
    const numbers = saved.tensors as SavedTensors;
    if (fill !== undefined) expectFunction(doing, "fill", fill);
    else {
      expectData(doing, this.#parameters, numbers);
      expectSteps(doing, entries, ({ name }) => idLimitOf(numbers[`${name}.steps`]!.data));
    }
    this.#busy = FAILED; // unless all of what follows succeeds
    this.#lr = saved.lr;
    forget(entries);
    if (fill) return this.#fill(doing, entries, fill);
    writeAll(tensorsOf(entries), numbers);
    goOn(entries);
    this.#busy = undefined;
  }

  async #fill(doing: string, entries: readonly Counted[], fill: FillTensor): Promise<void> {
    this.#busy = LOADING;
    try {
      for (const [name, tensor] of tensorsOf(entries)) await fill(tensor, name);
      expectSteps(doing, entries, ({ slot }) => slot.lazy!.last.idLimit);
      goOn(entries);
      this.#busy = undefined;
    } catch (error) {
      this.#busy = FAILED;
      throw error;
    }
  }

  /**
   * Keeps what is deferred, and puts it back when what this returns is disposed of: whatever reads the
   * parameters between leaves no trace, not even in the rounding of what follows. Until then {@linkcode step}
   * throws. It copies the tables that have deferred updates.
   *
   * @throws {TypeError} If it is undisturbed already, or a state is held or loaded.
   */
  undisturbed(): Disposable {
    this.#expectFree("keep undisturbed", this.#held);
    const aside = keptAside(this.#gpu, this.#entries);
    aside.defer(() => void (this.#busy = undefined));
    this.#busy = UNDISTURBED;
    return aside;
  }

  /** Throws a TypeError if something else is going on; also if states are `held`. */
  #expectFree(doing: string, held = 0): void {
    const busy = this.#busy ?? (held > 0 ? HELD : undefined);
    if (busy !== undefined) throw new TypeError(`Cannot ${doing} ${this.#name} ${busy}`);
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
    this.#expectFree("step", this.#held);
    const found = this.#entries.flatMap(({ parameter, slot }) => {
      const gradient = gradients.get(parameter);
      return gradient ? [{ slot, gradient }] : [];
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
    for (const { slot: { lazy, kept } } of this.#entries) {
      lazy?.[Symbol.dispose]();
      for (const [, tensor] of kept) tensor.dispose();
    }
  }

  /** The same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
