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

/** A parameter, and the counts that a state has of it. */
export interface Counted extends Entry {
  readonly counts: Counts;
}

/** The entries with their counts of now. */
export function counted(entries: readonly Entry[]): Counted[] {
  return entries.map((entry) => ({ ...entry, counts: countsOf(entry) }));
}

/** All tensors of a state; what rows are up to date with if some wait. */
export function tensorsOf(entries: readonly Counted[]): NamedParameter[] {
  return entries.flatMap((entry) => {
    const own = ownTensors(entry), { name, slot: { lazy }, counts: { runs } } = entry;
    return runs.length > 0 ? [...own, [`${name}.steps`, lazy!.last]] : own;
  });
}

/** What these tensors are, made or not. */
function layoutsWith(entries: readonly Counted[]): Layouts {
  return Object.fromEntries(entries.flatMap((entry) => {
    const own = layoutsOf(ownTensors(entry)), { name, counts } = entry, all = Object.entries(own);
    const steps = { shape: own[name]!.shape.slice(0, 1), dtype: "u32" as const };
    return counts.runs.length > 0 ? [...all, [`${name}.steps`, steps] as const] : all;
  }));
}

/** The header of a state. */
export function headerOf(kind: string, lr: number, entries: readonly Counted[]): OptimizerHeader {
  const flat = entries.map(({ name, counts }) => [name, flatCounts(counts)] as const)
    .filter(([, numbers]) => numbers.length > 0);
  return { kind, lr, counts: Object.fromEntries(flat), tensors: layoutsWith(entries) };
}

/**
 * The entries with the counts in a header.
 *
 * @throws {RangeError} If it is of another kind of optimizer, or of other parameters.
 * @throws {TypeError} If it is no header.
 */
export function countedIn(
  doing: string,
  { kind, counts, tensors }: OptimizerHeader,
  own: string,
  entries: readonly Entry[],
): Counted[] {
  if (kind === undefined) {
    throw new TypeError(`Cannot ${doing}: it has no kind, as what an optimizer's save() gives has`);
  }
  if (kind !== own) throw new RangeError(`Cannot ${doing}: the state is that of ${show(kind)}`);
  expectRecord(doing, "counts", counts);
  const other = Object.keys(counts).find((key) => entries.every(({ name }) => name !== key));
  if (other !== undefined) {
    throw new RangeError(`Cannot ${doing}: it has no parameter ${show(other)}`);
  }
  const found = entries.map((entry) => {
    const { name, slot } = entry, numbers = Object.hasOwn(counts, name) ? counts[name]! : [];
    const these = countsFrom(slot, numbers);
    if (these) return { ...entry, counts: these };
    const what = `the counts of ${name} are ${show(numbers)}`;
    throw new RangeError(`Cannot ${doing}: ${what}, not those of ${kind}`);
  });
  expectLayouts(doing, tensors, layoutsWith(found));
  return found;
}

/** Throws a RangeError unless no row is said to be up to date with more steps than there were. */
export function expectSteps(
  doing: string,
  entries: readonly Counted[],
  limitOf: (entry: Entry) => number,
): void {
  for (const entry of entries) {
    const { name, counts } = entry, steps = stepsOf(counts.runs);
    const last = steps === 0 ? 0 : limitOf(entry) - 1;
    if (last <= steps) continue;
    throw new RangeError(`Cannot ${doing}: ${name}.steps has ${last}, and rows wait for ${steps}`);
  }
}

/** Gets ready for tensors and counts to be written: nothing is deferred of what is there. */
export function forget(entries: readonly Counted[]): void {
  for (const { slot: { rounding, lazy, defer }, counts: { updates, runs } } of entries) {
    rounding.updates = updates;
    (runs.length > 0 ? defer!() : lazy)?.forget();
  }
}

/** Goes on from tensors that are written: rows wait for these steps. */
export function goOn(entries: readonly Counted[]): void {
  for (const { slot: { lazy }, counts: { runs } } of entries) lazy?.restore(runs);
}

/** Copies of tables that have deferred updates, which are put back when this is disposed of. */
export function keptAside(gpu: Gpu, entries: readonly Entry[]): DisposableStack {
  using aside = new DisposableStack();
  for (const entry of counted(entries)) {
    const { slot: { lazy }, counts: { runs } } = entry;
    if (!lazy || runs.length === 0) continue;
    const copies = tensorsOf([entry]).map(([, tensor]) => {
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
