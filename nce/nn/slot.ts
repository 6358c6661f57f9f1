/** What an optimizer has of one parameter: how it is updated, what is kept for that, and what is counted. */

import type { SummedGradient } from "../../kernels/autograd/gradients.ts";
import { isFloat, MAX_WORD } from "../../kernels/device/expect.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import type { LazyRows } from "../../kernels/optimizer/lazy_rows.ts";
import { MAX_STEPS, type Run, stepsOf } from "../../kernels/optimizer/step_products.ts";
import type { StepUpdates } from "../../kernels/optimizer/update.ts";
import type { Rounding } from "../../kernels/random/rounding.ts";
import type { NamedParameter } from "./module.ts";

/** How one parameter is updated, and what is kept for that. */
export interface Slot {
  /** Counts the updates. */
  readonly rounding: Rounding;
  /** Whether an update depends on how many there were before. */
  readonly countsUpdates: boolean;
  /** The tensors that are kept, each by the last word of its name. */
  readonly kept: readonly NamedParameter[];
  /** The rows whose updates are deferred, once there were some. */
  readonly lazy?: LazyRows | undefined;
  /** Makes these, where updates of rows can be deferred. */
  readonly defer?: (() => LazyRows) | undefined;
  /** Adds the parameter's update by `gradient` to `updates`. */
  update(gradient: SummedGradient, updates: StepUpdates, lr: number): void;
}

/** A parameter of an optimizer. */
export interface Entry {
  readonly name: string;
  readonly parameter: Tensor;
  readonly slot: Slot;
}

/** What further updates of a parameter depend on besides tensors. */
export interface Counts {
  /** How many updates there were; 0 where none depends on it. */
  readonly updates: number;
  /** The steps that rows wait for. */
  readonly runs: readonly Run[];
}

/** The counts of now. */
export function countsOf({ slot: { rounding, countsUpdates, lazy } }: Entry): Counts {
  return { updates: countsUpdates ? rounding.updates : 0, runs: lazy?.runs ?? [] };
}

/** Counts as a saved state has them; none at first. */
export function flatCounts({ updates, runs }: Counts): number[] {
  const flat = runs.flatMap(({ steps, lr }) => [steps, lr]);
  return updates > 0 ? [updates, ...flat] : flat;
}

/** The counts of which {@linkcode flatCounts} makes `numbers`; undefined if such a slot never has these. */
export function countsFrom(
  { countsUpdates, defer }: Slot,
  numbers: readonly number[],
): Counts | undefined {
  if (!Array.isArray(numbers) || numbers.some((n) => typeof n !== "number")) return undefined;
  if (numbers.length === 0) return { updates: 0, runs: [] };
  const [updates, ...flat]: number[] = countsUpdates ? numbers : [0, ...numbers];
  const runs = flat.flatMap((steps, i) => i % 2 === 0 ? [{ steps, lr: flat[i + 1]! }] : []);
  const isRun = ({ steps, lr }: Run) => isWhole(steps) && lr > 0 && isFloat(lr);
  const valid = (!countsUpdates || isWhole(updates!)) && (defer || runs.length === 0) &&
    runs.every(isRun) && stepsOf(runs) <= MAX_STEPS;
  return valid ? { updates: updates!, runs } : undefined;
}

function isWhole(count: number): boolean {
  return Number.isInteger(count) && count > 0 && count <= MAX_WORD;
}
