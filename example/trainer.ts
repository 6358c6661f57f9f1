/** Training: epochs of batches, validation, learning rate decay, the best model kept. */

import { type Gpu, type LSTMState, SGD, type Step, weightedSum } from "../mod.ts";
import type { Batch } from "./batches.ts";
import { Failure } from "./errors.ts";
import { uploadBatch } from "./evaluate.ts";
import type { Io } from "./io.ts";
import { Losses } from "./losses.ts";
import type { Metrics } from "./metrics.ts";
import type { LanguageModel } from "./model.ts";
import { Progress } from "./progress.ts";
import type { Settings } from "./settings.ts";

const MOMENTUM = 0.9;

/** Asked between batches whether to go on. */
export interface StopFlag {
  /** Set once training should end. */
  requested: boolean;
}

/** Trains a model batch by batch. */
export class Trainer implements Disposable {
  /** Updates the parameters. */
  readonly optimizer: SGD;
  readonly #gpu: Gpu;
  readonly #model: LanguageModel;
  readonly #settings: Settings;
  #steps = 0;
  #states: LSTMState[] = [];

  /** Makes the optimizer. */
  constructor(gpu: Gpu, model: LanguageModel, settings: Settings) {
    this.#gpu = gpu;
    this.#model = model;
    this.#settings = settings;
    const { lr, weightDecay, clip } = settings;
    const options = { lr, momentum: MOMENTUM, weightDecay, clip };
    this.optimizer = new SGD(gpu, model.parameters(), options);
  }

  /** One training step; its mean loss goes to `losses`. Nothing is read back. */
  step(batch: Batch, losses: Losses): void {
    const number = this.#steps++;
    using step = this.#gpu.step({ training: true, seed: this.#settings.seed, number });
    const { input, target, weight } = uploadBatch(step, batch);
    const { loss, states } = this.#model.forward(step, input, target, this.#states);
    const mean = weightedSum(step, loss, weight);
    this.optimizer.step(step.backward(mean));
    losses.push(mean, batch.tokens);
    if (this.#settings.carryState) this.#carry(step, states);
  }

  /**
   * One pass over `batches`, or a part of it if a stop is requested; returns training tokens a second.
   *
   * @throws {Failure} If the loss is not finite any longer.
   */
  async epoch(
    epoch: number,
    batches: readonly Batch[],
    io: Io,
    metrics: Metrics,
    stop: StopFlag,
  ): Promise<number> {
    const { epochs, logInterval, loss } = this.#settings;
    const progress = new Progress(io, {
      epoch,
      epochs,
      batches: batches.length,
      lr: this.optimizer.lr,
      normalised: loss === "full",
    });
    using losses = new Losses(this.#gpu, logInterval);
    this.#forget();
    for (const [i, batch] of batches.entries()) {
      if (stop.requested) break;
      this.step(batch, losses);
      await this.#gpu.keepUp();
      progress.step(batch.tokens);
      if ((i + 1) % logInterval === 0 || i + 1 === batches.length) {
        const { mean } = await losses.take();
        this.#checkLoss(mean, epoch, i + 1);
        metrics.write({ event: "train", ...progress.report(mean) });
      }
    }
    progress.done();
    return progress.tokensPerSecond;
  }

  #checkLoss(loss: number, epoch: number, batch: number): void {
    if (Number.isFinite(loss)) return;
    throw new Failure(
      `The loss is ${loss} in epoch ${epoch} before batch ${batch}: try a smaller --lr or --clip`,
    );
  }

  #carry(step: Step, states: LSTMState[]): void {
    this.#forget();
    this.#states = states;
    for (const { hidden, cell } of states) step.keep(hidden), step.keep(cell);
  }

  #forget(): void {
    for (const { hidden, cell } of this.#states) hidden.dispose(), cell.dispose();
    this.#states = [];
  }

  /** Frees the optimizer's moments. */
  [Symbol.dispose](): void {
    this.#forget();
    this.optimizer[Symbol.dispose]();
  }
}
