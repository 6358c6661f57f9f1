/** The state of an optimizer: all that it goes on from, and the checks before it does. */

import { show } from "../../kernels/device/expect.ts";
import { madeLike } from "../../kernels/device/parts.ts";
import { asItLies } from "../../kernels/device/pending.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { stepsOf } from "../../kernels/optimizer/step_products.ts";
import type { NamedParameter } from "./module.ts";
import {
  expectLayouts,
  expectRecord,
  type Layouts,
  layoutsOf,
  type SavedTensors,
  type TensorLayout,
} from "./saved.ts";
import { type Counts, countsFrom, countsOf, type Entry, flatCounts } from "./slot.ts";

/** All of a state but the numbers of its tensors; JSON keeps it. */
export interface OptimizerHeader {
  /** The class of the optimizer. */
  readonly kind: string;
  /** Its learning rate. */
  readonly lr: number;
  /** Numbers that a further step depends on, by the names of the parameters that have some. */
  readonly counts: Readonly<Record<string, readonly number[]>>;
  /** The parameters, and what is kept of each, as `NAME.moment`. */
  readonly tensors: Readonly<Record<string, TensorLayout>>;
}

/** A state with all numbers: plain objects and typed arrays, which a structured clone keeps. */
export interface SavedOptimizer extends OptimizerHeader {
  /** The tensors with their numbers. */
  readonly tensors: SavedTensors;
}

/** A state that is held while it is read, some tensors or rows at a time. */
export interface OptimizerState extends Disposable {
  /** All but the numbers. */
  readonly header: OptimizerHeader;
  /** The tensors as they lie; only to be read, until the state is disposed of. */
  readonly tensors: readonly NamedParameter[];
}

/** Writes the saved numbers of `name` to `tensor`: of a table that is divided among ranks, those of its rows. */
export type FillTensor = (tensor: Tensor, name: string) => void | Promise<void>;

/** A parameter and what is kept of it. */
function ownTensors({ name, parameter, slot: { kept } }: Entry): NamedParameter[] {
  return [[name, parameter], ...kept.map(([word, tensor]) => [`${name}.${word}`, tensor] as const)];
}

/** All tensors of a state with these counts, one for each entry; what rows are up to date with if some wait. */
export function tensorsOf(
  entries: readonly Entry[],
  counts: readonly Counts[] = entries.map(countsOf),
): NamedParameter[] {
  return entries.flatMap((entry, at) => {
    const own = ownTensors(entry), { name, slot: { lazy } } = entry;
    return counts[at]!.runs.length > 0 ? [...own, [`${name}.steps`, lazy!.last]] : own;
  });
}

/** What these tensors are, made or not. */
function layoutsWith(entries: readonly Entry[], counts: readonly Counts[]): Layouts {
  return Object.fromEntries(entries.flatMap((entry, at) => {
    const own = layoutsOf(ownTensors(entry)), { name } = entry, all = Object.entries(own);
    const steps = { shape: own[name]!.shape.slice(0, 1), dtype: "u32" as const };
    return counts[at]!.runs.length > 0 ? [...all, [`${name}.steps`, steps] as const] : all;
  }));
}

/** The header of the state of now. */
export function headerOf(kind: string, lr: number, entries: readonly Entry[]): OptimizerHeader {
  const counts = entries.map(countsOf);
  const flat = entries.map(({ name }, at) => [name, flatCounts(counts[at]!)] as const)
    .filter(([, numbers]) => numbers.length > 0);
  return { kind, lr, counts: Object.fromEntries(flat), tensors: layoutsWith(entries, counts) };
}

/**
 * The counts in a header, one for each entry.
 *
 * @throws {RangeError} If it is of another kind of optimizer, or of other parameters.
 * @throws {TypeError} If it is no header.
 */
export function countsIn(
  doing: string,
  { kind, counts, tensors }: OptimizerHeader,
  own: string,
  entries: readonly Entry[],
): Counts[] {
  if (kind === undefined) {
    throw new TypeError(`Cannot ${doing}: it has no kind, as what an optimizer's save() gives has`);
  }
  if (kind !== own) throw new RangeError(`Cannot ${doing}: the state is that of ${show(kind)}`);
  expectRecord(doing, "counts", counts);
  const other = Object.keys(counts).find((key) => entries.every(({ name }) => name !== key));
  if (other !== undefined) {
    throw new RangeError(`Cannot ${doing}: it has no parameter ${show(other)}`);
  }
  const found = entries.map(({ name, slot }) => {
    const numbers = Object.hasOwn(counts, name) ? counts[name]! : [];
    const these = countsFrom(slot, numbers);
    if (these) return these;
    const what = `the counts of ${name} are ${show(numbers)}`;
    throw new RangeError(`Cannot ${doing}: ${what}, not those of ${kind}`);
  });
  expectLayouts(doing, tensors, layoutsWith(entries, found));
  return found;
}

/** Throws a RangeError unless no row is said to be up to date with more steps than there were. */
export function expectSteps(
  doing: string,
  entries: readonly Entry[],
  counts: readonly Counts[],
  limitOf: (name: string, at: number) => number,
): void {
  entries.forEach(({ name }, at) => {
    const steps = stepsOf(counts[at]!.runs);
    if (steps === 0) return;
    const last = limitOf(`${name}.steps`, at) - 1;
    if (last <= steps) return;
    throw new RangeError(`Cannot ${doing}: ${name}.steps has ${last}, and rows wait for ${steps}`);
  });
}

/** Gets ready for tensors and counts to be written: nothing is deferred of what is there. */
export function forget(entries: readonly Entry[], counts: readonly Counts[]): void {
  entries.forEach(({ slot: { rounding, lazy, defer } }, at) => {
    const { updates, runs } = counts[at]!;
    rounding.updates = updates;
    (runs.length > 0 ? defer!() : lazy)?.forget();
  });
}

/** Goes on from tensors that are written: rows wait for these steps. */
export function goOn(entries: readonly Entry[], counts: readonly Counts[]): void {
  entries.forEach(({ slot: { lazy } }, at) => lazy?.restore(counts[at]!.runs));
}

/** Copies of tables that have deferred updates, which are put back when this is disposed of. */
export function keptAside(gpu: Gpu, entries: readonly Entry[]): DisposableStack {
  using aside = new DisposableStack();
  for (const entry of entries) {
    const { lazy } = entry.slot, counts = [countsOf(entry)], { runs } = counts[0]!;
    if (!lazy || runs.length === 0) continue;
    const copies = tensorsOf([entry], counts).map(([, tensor]) => {
      using view = asItLies(tensor);
      const copy = aside.use(madeLike(tensor, (shape) => gpu.temporary(shape, tensor.dtype)));
      gpu.copy(view, copy);
      return [tensor, copy] as const;
    });
    aside.defer(() => {
      if (!gpu.working) return; // the cause is not to be hidden
      lazy.forget();
      for (const [tensor, copy] of copies) gpu.copy(copy, tensor);
      lazy.restore(runs);
    });
  }
  return aside.move();
}
