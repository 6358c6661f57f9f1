/** The learning rate over a run: it rises in a warm-up, and falls when the validation does not improve. */

import type { TrainingSettings } from "../options/options.ts";

/** Settings of the learning rate. */
type ScheduleSettings = Pick<TrainingSettings, "lr" | "warmup" | "lrDecay" | "minLr">;

/** The learning rate of each step. */
export class Schedule {
  /** The rate after the warm-up. */
  lr: number;
  readonly #settings: ScheduleSettings;

  /** Starts at `--lr`. */
  constructor(settings: ScheduleSettings) {
    this.lr = settings.lr;
    this.#settings = settings;
  }

  /** The rate of a step, counted from 0. */
  at(step: number): number {
    const { warmup } = this.#settings;
    return step < warmup ? this.lr * (step + 1) / warmup : this.lr;
  }

  /** Lowers the rate. */
  decay(): void {
    const { lrDecay, minLr } = this.#settings;
    this.lr = Math.max(this.lr / lrDecay, minLr);
  }
}
