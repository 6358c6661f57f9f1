/** Exact momentum and weight decay for tables of which a step changes only a few rows. */

import type { Device } from "../device/device.ts";
import { boundParts, forParts } from "../device/part_bindings.ts";
import { forEachSlice } from "../device/parts.ts";
import { hasRowsOf } from "../device/pending.ts";
import { rowLanes, type VecSource, withVec } from "../device/vec.ts";
import decay from "./_lazy_decay.wgsl" with { type: "text" };
import moment from "./_lazy_moment.wgsl" with { type: "text" };
import lazySource from "./lazy_rows.wgsl" with { type: "text" };
import type { MergedGradient } from "../accumulate/merge_rows.ts";
import {
  expectIds,
  partsOf,
  type PendingUpdates,
  type Storage,
  storageIn,
  type Tensor,
} from "../device/tensor.ts";

const withMoment = withVec(lazySource + moment);
const withoutMoment = withVec(lazySource + decay);

/** Steps after which all rows are brought up to date, so that the powers are a short table. */
const MAX_STEPS = 1024;

/** Coefficients of stochastic gradient descent. */
export interface SGDCoefficients {
  /** Learning rate. */
  readonly lr: number;
  /** Momentum; 0 where no moment is kept. */
  readonly momentum: number;
  /** Weight decay (an L2 penalty added to the gradient). */
  readonly weightDecay: number;
}

/**
 * Updates a table [V, W] by sparse gradients. Rows without a gradient move, too, by momentum and decay, but
 * their updates are deferred until the row is read: the cost of a step does not depend on V.
 *
 * Except for rounding, the result is that of a dense update of all rows in each step.
 */
export class LazyRows implements PendingUpdates, Disposable {
  readonly #gpu: Device;
  readonly #table: Tensor;
  readonly #moment: Tensor | undefined;
  readonly #storages: readonly Storage[];
  readonly #kernel: VecSource;
  readonly #W: number;
  /** [V] For each row the last of these steps that it is up to date with: ids, 0 before the first step. */
  readonly last: Tensor;
  readonly #powers: Tensor;
  #coefficients: SGDCoefficients | undefined;
  #now = 0;
  #behind = false;
  #held = false;

  /** The caller keeps the table and its moment, and disposes of them. Without momentum there is no moment. */
  constructor(gpu: Device, table: Tensor, moment?: Tensor) {
    this.#gpu = gpu;
    this.#table = table;
    this.#moment = moment;
    this.#storages = partsOf(table).map(storageIn);
    const W = table.size / table.shape[0]!;
    this.#kernel = (moment ? withMoment : withoutMoment)(W);
    this.#W = W / this.#kernel.vec;
    this.last = gpu.table([table.shape[0]!], new Uint32Array(table.shape[0]!));
    this.#powers = gpu.tensor([MAX_STEPS + 1, 4]);
    for (const { pending } of this.#storages) pending.add(this);
  }

  /** Steps since all rows were up to date; 0 if they are. */
  get steps(): number {
    return this.#behind ? this.#now : 0;
  }

  /** Until what this returns is disposed of, all rows stay as they are, whoever reads or writes them. */
  hold(): Disposable {
    this.#held = true;
    return { [Symbol.dispose]: () => void (this.#held = false) };
  }

  /** Goes on where {@linkcode steps} were taken with these coefficients; table, moment and `last` are as then. */
  restore(steps: number, coefficients: SGDCoefficients): void {
    this.#setCoefficients(coefficients);
    this.#now = steps;
    this.#behind = true;
  }

  /** One step: the gradient's rows move now, all others when they are read. */
  update(gradient: MergedGradient, norm: Tensor, coefficients: SGDCoefficients): void {
    const { lr, momentum, weightDecay } = coefficients, known = this.#coefficients;
    const same = known?.lr === lr && known.momentum === momentum &&
      known.weightDecay === weightDecay;
    this.#flushOthers();
    if (!same || this.#now === MAX_STEPS) this.flush();
    if (!same) this.#setCoefficients(coefficients);
    this.#now++;
    this.#behind = true;
    this.#updateRows(gradient.ids, gradient.values, norm);
  }

  /** Brings the rows `ids` of `view` up to date: all rows if those of the view have other numbers. */
  catchUp(view: Tensor, ids: Tensor): void {
    expectIds("catchUp", ids, view.shape[0]!);
    if (!hasRowsOf(view, this.#table)) this.flush();
    else if (this.#behind && !this.#held) this.#updateRows(ids);
  }

  /** Brings all rows up to date. */
  flush(): void {
    if (!this.#behind || this.#held) return;
    this.#behind = false;
    forEachSlice([this.last, ...this.#tables], ([last, ...tables]) =>
      this.#gpu.dispatch({
        label: "sgd.flush",
        source: forParts(this.#kernel.source, 1),
        entry: "flush",
        inputs: [last!, last!, this.#powers, this.#powers, this.#powers],
        outputs: tables,
        uniform: { ...this.#uniform, n: last!.shape[0]! },
        grid: Math.ceil(last!.shape[0]! * this.#W / 64),
      }));
    this.#gpu.clear(this.last);
    this.#now = 0;
  }

  /**
   * Brings all rows up to date, unless the table is disposed of or the device has failed, and frees
   * everything but the table and its moment.
   */
  [Symbol.dispose](): void {
    if (!this.#table.disposed && this.#gpu.working) this.flush();
    for (const { pending } of this.#storages) pending.delete(this);
    this.last.dispose();
    this.#powers.dispose();
  }

  /** Applies what other optimizers have deferred in the same buffers: updates of a row keep their order. */
  #flushOthers(): void {
    for (const { pending } of this.#storages) {
      for (const other of pending) if (other !== this) other.flush();
    }
  }

  #setCoefficients(coefficients: SGDCoefficients): void {
    this.#gpu.write(this.#powers, powersOf(coefficients));
    this.#coefficients = coefficients;
  }

  /** Brings the rows `ids` up to date, and adds the gradient `values` of theirs if given. */
  #updateRows(ids: Tensor, values?: Tensor, norm = this.#powers): void {
    const gpu = this.#gpu, n = ids.size;
    using lag = gpu.temporary([n], "u32");
    for (const { tensors, count, first, rows } of boundParts(gpu, [this.last], 2)) {
      gpu.dispatch({
        label: "sgd.claim",
        source: forParts(this.#kernel.source, count),
        entry: "claim",
        inputs: [ids],
        outputs: [lag, ...tensors],
        uniform: { ...this.#uniform, n, first, rows },
        grid: Math.ceil(n / 64),
      });
    }
    for (const { tensors, count, first, rows } of boundParts(gpu, this.#tables, 5)) {
      const lanes = rowLanes(gpu, this.#W, count);
      gpu.dispatch({
        label: "sgd.update",
        source: forParts(this.#kernel.source, count),
        entry: "update",
        constants: { HAS_GRADIENT: values ? 1 : 0 },
        inputs: [ids, lag, this.#powers, norm, values ?? this.#powers],
        readsRows: { tables: this.#tables },
        outputs: tensors,
        uniform: { ...this.#uniform, n, lanes, first, rows },
        grid: Math.ceil(n * lanes / 64),
      });
    }
  }

  /** What changes: the table, and its moment if there is one. */
  get #tables(): readonly Tensor[] {
    return this.#moment ? [this.#table, this.#moment] : [this.#table];
  }

  get #uniform() {
    const { lr } = this.#coefficients!;
    return { n: 0, W: this.#W, now: this.#now, lanes: 0, first: 0, rows: 0, lr };
  }
}

/** M^n for n from 0 on, computed in float64, in the layout of lazy_rows.wgsl. */
function powersOf({ lr, momentum, weightDecay }: SGDCoefficients): Float32Array {
  const powers = new Float32Array(4 * (MAX_STEPS + 1));
  let [a, b, c, d] = [1, 0, 0, 0]; // d: the element minus 1, so that rounding does not lose a small decay
  for (let n = 0; n <= MAX_STEPS; n++) {
    powers.set([a, b, c, d], 4 * n);
    // M times the power: the moment first, since the value moves by the new moment.
    const ma = momentum * a + weightDecay * c, mb = momentum * b + weightDecay * (1 + d);
    [a, b, c, d] = [ma, mb, c - lr * ma, d - lr * mb];
  }
  return powers;
}
