/** What an optimizer keeps of one parameter, and the numbers that its next step depends on. */

import { MAX_WORD, show } from "../../kernels/device/expect.ts";
import type { SummedGradient } from "../../kernels/autograd/gradients.ts";
import type { LazyRows } from "../../kernels/optimizer/lazy_rows.ts";
import { MAX_STEPS, type Run } from "../../kernels/optimizer/step_products.ts";
import type { StepUpdates } from "../../kernels/optimizer/update.ts";
import type { Rounding } from "../../kernels/random/rounding.ts";
import type { NamedParameter } from "./module.ts";

/** How one parameter is updated, and what is kept for that. */
export interface Slot {
  /** Counts the updates, if a further step depends on their number. */
  readonly counter: Rounding | undefined;
  /** Updates of rows that are deferred, if there are any. */
  readonly lazy?: LazyRows | undefined;
  /** Gives {@linkcode lazy}, made if need be; absent if no row ever waits. */
  readonly makeLazy?: (() => LazyRows) | undefined;
  /** The tensors that are kept, each by the last word of its name. */
  kept(): NamedParameter[];
  /** Adds the parameter's update by `gradient` to `updates`. */
  update(gradient: SummedGradient, updates: StepUpdates, lr: number): void;
}

/**
 * The numbers that a further step depends on, none at first: that of the updates, and of each run of deferred steps
 * with one learning rate the length and the rate.
 */
export function countsOf({ counter, lazy }: Slot): number[] {
  const counted = counter && counter.updates > 0 ? [counter.updates] : [];
  return [...counted, ...(lazy?.runs ?? []).flatMap(({ steps, lr }) => [steps, lr])];
}

/** What {@linkcode countsOf} a slot has given, taken apart. */
function partsOf({ counter }: Slot, counts: readonly number[]): { updates: number; runs: Run[] } {
  const begin = counter ? 1 : 0, { length } = counts;
  const runs = Array.from({ length: Math.ceil(Math.max(0, length - begin) / 2) }, (_, i) => {
    return { steps: counts[begin + 2 * i]!, lr: counts[begin + 2 * i + 1]! };
  });
  return { updates: counter ? counts[0] ?? 0 : 0, runs };
}

/** Throws a TypeError unless `counts`, those of the parameter `name`, are such as {@linkcode countsOf} gives. */
export function expectCounts(doing: string, name: string, slot: Slot, counts: unknown): void {
  if (Array.isArray(counts) && areCounts(slot, counts)) return;
  const expected = [
    ...slot.counter ? ["the number of updates"] : [],
    ...slot.makeLazy ? [`runs of steps, ${MAX_STEPS} in all at most, each with its rate`] : [],
  ];
  const what = expected.join(" and ") || "an empty array";
  throw new TypeError(`Cannot ${doing}: the counts of ${name} are ${show(counts)}, not ${what}`);
}

function areCounts(slot: Slot, counts: readonly number[]): boolean {
  const { updates, runs } = partsOf(slot, counts), isCount = (n: number) => Number.isInteger(n);
  const steps = runs.reduce((sum, run) => sum + run.steps, 0);
  return isCount(updates) && updates >= 0 && updates <= MAX_WORD &&
    (runs.length === 0 || slot.makeLazy !== undefined && steps <= MAX_STEPS) &&
    runs.every(({ steps, lr }) => isCount(steps) && steps > 0 && lr > 0 && lr < Infinity);
}

/** Lets the slot go on from counts that were checked. */
export function restoreCounts(slot: Slot, counts: readonly number[]): void {
  const { updates, runs } = partsOf(slot, counts);
  if (slot.counter) slot.counter.updates = updates;
  if (runs.length > 0 || slot.lazy) slot.makeLazy!().restore(runs);
}
