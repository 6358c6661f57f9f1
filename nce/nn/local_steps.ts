/** Ranks that train by themselves for some steps, and then come together. */

import type { Gradients } from "../../kernels/autograd/gradients.ts";
import { expectFraction, expectNames, expectObject, show } from "../../kernels/device/expect.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { fromRanks, type Outer } from "../../kernels/optimizer/outer_step.ts";
import { type Communicator, expectCommunicator } from "../../kernels/parallel/communicator.ts";
import {
  messagesOf,
  type Piece,
  pieceSize,
  piecesOf,
  slotsOf,
  sumPieces,
} from "../../kernels/parallel/pieces.ts";
import type { NamedParameter } from "./module.ts";
import { MovedRows } from "./moved_rows.ts";
import { insideOf, Optimizer, zerosLike } from "./optimizer.ts";
import { expectLr } from "./optimizer_options.ts";
import type {
  FillTensor,
  OptimizerHeader,
  OptimizerState,
  SavedOptimizer,
} from "./optimizer_state.ts";
import {
  expectData,
  expectLayouts,
  expectRecord,
  layoutsOf,
  readAll,
  type SavedTensors,
  writeAll,
} from "./saved.ts";

/** Coefficients of the outer step. */
export interface LocalStepsOptions {
  /** Outer learning rate; 1 unless given: with no momentum, the mean over the ranks. */
  lr?: number;
  /** Outer Nesterov momentum; 0 unless given. */
  momentum?: number;
}

/** A parameter, what the inner optimizer keeps of it, and what its outer step does. */
interface Entry {
  readonly parameter: Tensor;
  readonly kept: readonly NamedParameter[];
  readonly anchor: Tensor;
  readonly velocity: Tensor;
}

/** A piece of a parameter, with what is kept for it, or of what the inner optimizer keeps. */
interface OwnPiece extends Piece {
  readonly entry?: Entry;
}

function nameOfVelocity(parameter: string): string {
  return `${parameter}.velocity`;
}

/**
 * Ranks that step on gradients of their own, and exchange numbers only now and then: local SGD (Stich 2019) with
 * an outer step (SlowMo, Wang et al. 2020; DiLoCo, Douillard et al. 2023). With `mean` that over the ranks of a
 * parameter p, and `anchor` its value after the last outer step:
 * `d = anchor - mean; v = momentum * v + d; p = anchor = anchor - lr * (d + momentum * v)`.
 *
 * What the inner optimizer keeps becomes its mean. Of a table with sparse gradients only the rows travel that some
 * rank has moved.
 *
 * So all ranks have the same after an outer step, to the last bit, unless one of them reads a table between two outer
 * steps: momentum and decay of the other rows are deferred until they are read, and applied in two parts they round
 * in another way. What is read within {@linkcode Optimizer.undisturbed} changes nothing.
 *
 * State is saved and loaded here, not by the inner optimizer, which knows nothing of the outer steps.
 */
export class LocalSteps implements Disposable {
  readonly #gpu: Gpu;
  readonly #optimizer: Optimizer;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #coefficients: Required<LocalStepsOptions>;
  readonly #moved: MovedRows;
  /** Steps since the last outer one. */
  #alone = 0;

  /**
   * Begins where the optimizer's parameters are now, the same on all ranks. It keeps two copies of them on the
   * device.
   *
   * @throws {RangeError} If a coefficient is out of range.
   * @throws {TypeError} If anything but an optimizer is given, or one of shards or 16-bit floats.
   */
  constructor(optimizer: Optimizer, options: LocalStepsOptions = {}) {
    const doing = "make LocalSteps";
    if (!(optimizer instanceof Optimizer)) {
      throw new TypeError(`Cannot ${doing}: ${show(optimizer)} is no optimizer`);
    }
    const { gpu, entries } = insideOf(optimizer);
    expectNames(doing, "options", options, ["lr", "momentum"]);
    const { lr = 1, momentum = 0 } = options;
    expectLr(doing, lr);
    expectFraction(doing, "momentum", momentum);
    for (const { name, parameter: { shard, dtype } } of entries) {
      if (!shard && dtype === "f32") continue;
      const found = shard ? "is a shard of a table" : `holds ${dtype}`;
      throw new TypeError(
        `Cannot ${doing}: ${name} ${found}; ranks average whole tables of 32-bit floats`,
      );
    }
    this.#gpu = gpu;
    this.#optimizer = optimizer;
    this.#coefficients = { lr, momentum };
    this.#entries = new Map(entries.map(({ name, parameter, slot: { kept } }) => {
      const [anchor, velocity] = [zerosLike(gpu, parameter), zerosLike(gpu, parameter)];
      return [name, { parameter, kept, anchor, velocity }];
    }));
    this.#moved = new MovedRows(gpu, entries.map(({ parameter }) => parameter));
    this.#begin();
  }

  /** Goes on from where the parameters are now, the same on all ranks. */
  #begin(): void {
    for (const { parameter, anchor } of this.#entries.values()) this.#gpu.copy(parameter, anchor);
    this.#moved.clear();
    this.#alone = 0;
  }

  /** What outer steps keep besides the anchors: `NAME.velocity`. */
  get #velocities(): NamedParameter[] {
    return [...this.#entries].map(([name, { velocity }]) => [nameOfVelocity(name), velocity]);
  }

  /**
   * {@linkcode Optimizer.state} with what the outer steps keep (`NAME.velocity`), right after one of these.
   *
   * @throws {TypeError} As there, and if there were steps since.
   */
  state(): OptimizerState {
    if (this.#alone > 0) {
      throw new TypeError("Cannot save LocalSteps while ranks differ: average() first");
    }
    const { header, tensors, ...held } = this.#optimizer.state(), own = this.#velocities;
    return {
      header: { ...header, tensors: { ...header.tensors, ...layoutsOf(own) } },
      tensors: [...tensors, ...own],
      ...held,
    };
  }

  /** {@linkcode Optimizer.save} with the same. */
  async save(): Promise<SavedOptimizer> {
    using state = this.state();
    return { ...state.header, tensors: await readAll("save LocalSteps", state.tensors) };
  }

  /** {@linkcode Optimizer.load} with the same, on all ranks. */
  load(saved: SavedOptimizer): void;
  /** The same; `fill` writes the numbers of each tensor. */
  load(header: OptimizerHeader, fill: FillTensor): Promise<void>;
  load(saved: OptimizerHeader, fill?: FillTensor): void | Promise<void> {
    const doing = "load LocalSteps", velocities = this.#velocities;
    expectObject(doing, "its state", saved, "what save() gave");
    expectRecord(doing, "tensors", saved.tensors);
    const expected = layoutsOf(velocities), all = Object.entries(saved.tensors);
    const [own, inner] = [true, false].map((isOwn) =>
      Object.fromEntries(all.filter(([name]) => Object.hasOwn(expected, name) === isOwn))
    ) as [SavedTensors, SavedTensors];
    expectLayouts(doing, own, expected);
    const header = { ...saved, tensors: inner };
    if (fill !== undefined) return this.#fill(header, fill);
    expectData(doing, velocities, own);
    this.#optimizer.load(header);
    writeAll(velocities, own);
    this.#begin();
  }

  async #fill(header: OptimizerHeader, fill: FillTensor): Promise<void> {
    await this.#optimizer.load(header, async (tensor, name) => {
      await fill(tensor, name);
      const entry = this.#entries.get(name); // none of what is kept of a parameter
      if (entry) await fill(entry.velocity, nameOfVelocity(name));
    });
    this.#begin();
  }

  /** A step of the optimizer by this rank's gradients. */
  step(gradients: Gradients): void {
    this.#optimizer.step(gradients);
    this.#moved.note(gradients);
    this.#alone++;
  }

  /** The outer step: all ranks call it after equally many steps, and then have the same parameters. */
  async average(communicator: Communicator): Promise<void> {
    expectCommunicator("average over ranks", communicator);
    const moved = await this.#moved.take(communicator);
    for (const pieces of messagesOf(this.#pieces(moved))) {
      await this.#together(pieces, communicator);
    }
    this.#alone = 0;
  }

  /** All pieces: a parameter comes before what is kept of it, so that reading it applies what is deferred. */
  *#pieces(moved: ReadonlyMap<Tensor, Uint32Array | undefined>): Generator<OwnPiece> {
    for (const entry of this.#entries.values()) {
      const rows = moved.get(entry.parameter);
      // Where no rank has moved a parameter, its velocity does.
      for (const piece of piecesOf(entry.parameter, rows)) yield { ...piece, entry };
      for (const [, tensor] of entry.kept) {
        for (const piece of piecesOf(tensor, rows)) if (pieceSize(piece) > 0) yield piece;
      }
    }
  }

  /** Sums pieces over the ranks in one message, and sets each to its part of the result. */
  async #together(pieces: readonly OwnPiece[], communicator: Communicator): Promise<void> {
    const gpu = this.#gpu, { size: ranks } = communicator;
    const numbers = await this.#summed(pieces, communicator);
    using step = gpu.step();
    // All is uploaded before anything is recorded, so that nothing has to be submitted in between.
    const sums = pieces.map((piece, i) => {
      const own = numbers[i]!, sums = step.upload(own.length > 0 ? own : new Float32Array(1));
      return { ranks, sums, ...(piece.rows && { slots: step.upload(slotsOf(piece)) }) };
    });
    pieces.forEach(({ tensor, first, count, entry }, i) => {
      const slice = (whole: Tensor) => step.own(whole.slice(first, count));
      fromRanks(gpu, slice(tensor), sums[i]!, entry && this.#outer(entry, slice));
    });
  }

  async #summed(pieces: readonly Piece[], communicator: Communicator): Promise<Float32Array[]> {
    using step = this.#gpu.step();
    return await sumPieces(step, pieces, communicator);
  }

  #outer({ anchor, velocity }: Entry, slice: (whole: Tensor) => Tensor): Outer {
    return { ...this.#coefficients, anchor: slice(anchor), velocity: slice(velocity) };
  }

  /** Frees what is kept; parameters and optimizer stay the caller's. */
  dispose(): void {
    this.#moved[Symbol.dispose]();
    for (const { anchor, velocity } of this.#entries.values()) {
      anchor.dispose();
      velocity.dispose();
    }
  }

  /** The same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
