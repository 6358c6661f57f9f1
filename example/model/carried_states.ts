/** Recurrent states carried from one batch to the next. */

import type { Step, Tensor } from "../../mod.ts";
import type { Batch } from "../data/row_batch.ts";

/** Keeps the last batch's states where the next batch continues its rows. */
export class CarriedStates implements Disposable {
  #states: readonly Tensor[] = [];

  /** The states carried; none unless the next batch continues the last one. */
  get states(): readonly Tensor[] {
    return this.#states;
  }

  /** Carries these states and takes ownership. */
  restore(states: readonly Tensor[]): void {
    this[Symbol.dispose]();
    this.#states = states;
  }

  /** Initial states of `batch`: the carried ones, or none, which means zero. */
  before(batch: Batch): readonly Tensor[] {
    return batch.continues ? this.#states : [];
  }

  /** Keeps a batch's final states beyond its step, if the next batch continues it. */
  carry(step: Step, states: readonly Tensor[], continued: boolean): void {
    this[Symbol.dispose]();
    if (!continued) return;
    this.#states = states;
    for (const state of states) step.keep(state);
  }

  /** Frees the states. */
  [Symbol.dispose](): void {
    for (const state of this.#states) state.dispose();
    this.#states = [];
  }
}
