/** Exact momentum and weight decay for tables of which a step changes only a few rows. */

import type { Device } from "../device/device.ts";
import { forParts } from "../device/for_parts.ts";
import { boundParts } from "../device/part_bindings.ts";
import { madeLike } from "../device/parts.ts";
import { hasRowsOf } from "../device/pending.ts";
import { rowLanes, type VecSource } from "../device/vec.ts";
import type { RandomKey } from "../random/philox.ts";
import { roundedBy, type Rounding, withWrittenTable } from "../random/rounding.ts";
import decay from "./_lazy_decay.wgsl" with { type: "text" };
import moment from "./_lazy_moment.wgsl" with { type: "text" };
import lazySource from "./lazy_rows.wgsl" with { type: "text" };
import type { MergedGradient } from "../accumulate/merge_rows.ts";
import { MAX_STEPS, productsOf, type Run, type SGDCoefficients, stepsOf } from "./step_products.ts";
import {
  partsOf,
  type PendingUpdates,
  type Storage,
  storageIn,
  type Tensor,
} from "../device/tensor.ts";

const withMoment = withWrittenTable(lazySource + moment);
const withoutMoment = withWrittenTable(lazySource + decay);

/** The rows `ids` that move, all rows without them, and the gradient `norm[1] * values` if they have one. */
interface Moved {
  readonly ids?: Tensor;
  readonly values?: Tensor;
  readonly norm?: Tensor;
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
  /**
   * [V], in the same parts as the table. For each row the last of these steps that it is up to date with: ids, 0
   * before the first step.
   */
  readonly last: Tensor;
  readonly #coefficients: SGDCoefficients;
  readonly #rounding: Rounding;
  /** The products in use, and those of before, which commands that wait for submission may still name. */
  #products: [Tensor, Tensor];
  /** The steps since all rows were up to date, oldest first, and their number. */
  #runs: Run[] = [];
  #steps = 0;
  /** The only learning rate of the products on the GPU, if they have only one. */
  #onlyRate: number | undefined;
  #held = 0;

  /**
   * The caller keeps the table and its moment, and disposes of them; without momentum there is no moment. It says
   * by `rounding` when an update begins.
   */
  constructor(
    gpu: Device,
    table: Tensor,
    coefficients: SGDCoefficients,
    rounding: Rounding,
    moment?: Tensor,
  ) {
    this.#gpu = gpu;
    this.#table = table;
    this.#coefficients = coefficients;
    this.#rounding = rounding;
    this.#moment = moment;
    this.#storages = partsOf(table).map(storageIn);
    const W = table.size / table.shape[0]!;
    this.#kernel = (moment ? withMoment : withoutMoment)(W, table.dtype);
    this.#W = W / this.#kernel.vec;
    this.last = madeLike(table, ([rows]) => gpu.tensor([rows!], new Uint32Array(rows!)));
    this.#products = [gpu.tensor([MAX_STEPS + 1, 4]), gpu.tensor([MAX_STEPS + 1, 4])];
    for (const { pending } of this.#storages) pending.add(this);
  }

  /** The steps since all rows were up to date, oldest first. */
  get runs(): Run[] {
    return [...this.#runs];
  }

  /**
   * Until what this returns is disposed of, the rows that wait stay as they are: only a view of the table as it
   * lies can be read, and any other use of it throws a TypeError.
   */
  hold(): Disposable {
    this.#held++;
    return { [Symbol.dispose]: () => void this.#held-- };
  }

  /** Forgets what is deferred: no row waits for anything. */
  forget(): void {
    this.#runs = [];
    this.#steps = 0;
    this.#gpu.clear(this.last);
  }

  /** Goes on after the steps of {@linkcode runs}, with table, moment and `last` as they were then. */
  restore(runs: readonly Run[]): void {
    this.#runs = [...runs];
    this.#steps = stepsOf(runs);
    if (runs.length > 0) this.#writeProducts();
  }

  /** One step: the gradient's rows move now, all others when they are read. */
  update(gradient: MergedGradient, norm: Tensor, lr: number): void {
    this.#flushOthers();
    if (this.#steps === MAX_STEPS) this.flush();
    const key = this.#rounding.next(), runs = this.#runs;
    const before = runs.at(-1)?.lr === lr ? runs.pop()!.steps : 0;
    runs.push({ steps: before + 1, lr });
    this.#steps++;
    this.#writeProducts();
    this.#move("sgd.update", key, { ids: gradient.ids, values: gradient.values, norm });
  }

  /** Brings the rows `ids` of `view` up to date: all rows if those of the view have other numbers. */
  catchUp(view: Tensor, ids: Tensor): void {
    if (!hasRowsOf(view, this.#table)) this.flush();
    else if (this.#isBehind()) this.#move("sgd.catchUp", this.#rounding.deferred, { ids });
  }

  /** Brings all rows up to date. */
  flush(): void {
    if (!this.#isBehind()) return;
    this.#move("sgd.flush", this.#rounding.deferred);
    this.#runs = [];
    this.#steps = 0;
  }

  /**
   * Brings all rows up to date, unless the table is disposed of or the device has failed, and frees
   * everything but the table and its moment.
   */
  [Symbol.dispose](): void {
    this.#held = 0;
    if (!this.#table.disposed && this.#gpu.working) this.flush();
    for (const { pending } of this.#storages) pending.delete(this);
    this.last.dispose();
    for (const products of this.#products) products.dispose();
  }

  /** Applies what other optimizers have deferred in the same buffers: updates of a row keep their order. */
  #flushOthers(): void {
    for (const { pending } of this.#storages) {
      for (const other of pending) if (other !== this) other.flush();
    }
  }

  /** Whether rows may wait. Throws a TypeError if they have to stay so. */
  #isBehind(): boolean {
    if (this.#steps === 0 || this.#held === 0) return this.#steps > 0;
    throw new TypeError(
      `Cannot use the table [${this.#table.shape}] while it is saved with updates that wait: ` +
        "await save(), or dispose of what state() returned, first",
    );
  }

  /** Writes the products of the steps' matrices: all are powers of one, written once, if the rate is the same. */
  #writeProducts(): void {
    const only = this.#runs.length === 1 ? this.#runs[0]!.lr : undefined;
    if (only !== undefined && only === this.#onlyRate) return;
    const [now, before] = this.#products;
    this.#products = [before, now];
    this.#gpu.write(before, productsOf(this.#runs, this.#coefficients));
    this.#onlyRate = only;
  }

  /** Moves rows by the steps since each one's last. If all move, the steps are counted anew. */
  #move(label: string, key: RandomKey, { ids, values, norm }: Moved = {}): void {
    const gpu = this.#gpu, [products] = this.#products, W = this.#W, now = this.#steps;
    const tables = this.#moment ? [this.#table, this.#moment] : [this.#table];
    const { halves, fields } = roundedBy(this.#table, key);
    for (const { tensors, count, first, rows } of boundParts(gpu, [this.last, ...tables], 4)) {
      const n = ids?.size ?? Math.min(count * rows, this.#table.shape[0]! - first);
      // A power of two, so that a row's threads are in one workgroup; with 64 more of them are idle.
      const lanes = Math.min(32, 2 ** Math.floor(Math.log2(rowLanes(gpu, W, count))));
      gpu.dispatch({
        label,
        source: forParts(this.#kernel.source, count),
        constants: { ALL: ids ? 0 : 1, HAS_GRADIENT: values ? 1 : 0 },
        halves,
        inputs: [ids ?? products, products, norm ?? products, values ?? products],
        readsRows: { tables },
        outputs: tensors,
        uniform: { n, W, now, lanes, first, rows, lr: this.#runs.at(-1)!.lr, ...fields },
        grid: Math.ceil(n * lanes / 64),
      });
    }
  }
}
