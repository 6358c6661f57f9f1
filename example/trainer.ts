/** Training: epochs of batches, validation, learning rate decay, the best model kept. */

import {
  auditGradient,
  type Gpu,
  type LSTMState,
  SGD,
  type Step,
  type Tensor,
  weightedSum,
} from "../mod.ts";
import type { Batch } from "./batches.ts";
import { Failure } from "./errors.ts";
import { uploadIds, uploadWeight } from "./evaluate.ts";
import type { Io } from "./io.ts";
import { Losses } from "./losses.ts";
import type { Metrics } from "./metrics.ts";
import type { WordModel } from "./model.ts";
import { Progress } from "./progress.ts";
import type { Settings } from "./settings.ts";

const MOMENTUM = 0.9;
/** Rows of a batch that a gradient audit looks at. */
const AUDIT_ROWS = 4;

/** Asked between batches whether to go on. */
export interface StopFlag {
  /** Set once training should end. */
  requested: boolean;
}

/** The first `count` rows of a batch. */
function firstRows(batch: Batch, count: number): Batch {
  const { batchSize, steps } = batch, rows = Math.min(count, batchSize);
  const isFirst = (_: number, i: number) => i % batchSize < rows;
  const mask = batch.mask.filter(isFirst);
  return {
    batchSize: rows,
    steps,
    input: batch.input.filter(isFirst),
    target: batch.target.filter(isFirst),
    mask,
    resets: batch.resets.filter(isFirst),
    tokens: mask.reduce((sum, real) => sum + real, 0),
  };
}

/** Trains a model batch by batch. */
export class Trainer implements Disposable {
  /** Updates the parameters. */
  readonly optimizer: SGD;
  readonly #gpu: Gpu;
  readonly #model: WordModel;
  readonly #settings: Settings;
  #steps = 0;
  #states: LSTMState[] = [];

  /** Makes the optimizer. */
  constructor(gpu: Gpu, model: WordModel, settings: Settings) {
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
    const { input, target, resets } = uploadIds(step, batch);
    const start = { states: this.#states, resets };
    const { loss, states } = this.#model.forward(step, input, target, start);
    const mean = weightedSum(step, loss, uploadWeight(step, batch));
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
    const { epochs, logInterval, loss, audit } = this.#settings;
    const progress = new Progress(io, {
      epoch,
      epochs,
      batches: batches.length,
      lr: this.optimizer.lr,
      normalised: loss === "full",
    });
    using losses = new Losses(this.#gpu);
    this.#forget();
    for (const [i, batch] of batches.entries()) {
      if (stop.requested) break;
      this.step(batch, losses);
      await this.#gpu.keepUp();
      progress.step(batch.tokens);
      if (audit > 0 && this.#steps % audit === 0) await this.#audit(batch, metrics);
      if ((i + 1) % logInterval === 0 || i + 1 === batches.length) {
        const { mean } = await losses.take();
        this.#checkLoss(mean, epoch, i + 1);
        const hitRate = loss === "full" ? {} : { hitRate: await this.#hitRate() };
        metrics.write({ event: "train", ...progress.report(mean), ...hitRate });
      }
    }
    progress.done();
    return progress.tokensPerSecond;
  }

  /** Noise samples that equalled their target since the last report, as a part of all. */
  async #hitRate(): Promise<number> {
    return await this.#model.criterion.takeHitRate(this.#gpu);
  }

  /** Compares the sampled gradient of the output layer with the exact one on a few rows of the batch. */
  async #audit(batch: Batch, metrics: Metrics): Promise<void> {
    const few = firstRows(batch, AUDIT_ROWS), gpu = this.#gpu, shape = [few.steps, few.batchSize];
    using context = this.#context(few);
    const audit = await auditGradient(
      gpu,
      this.#model.criterion,
      (step) => [step.upload(few.target, shape), context],
      { seed: this.#settings.seed },
    );
    metrics.write({ event: "audit", step: this.#steps, ...audit });
  }

  #context(batch: Batch): Tensor {
    using step = this.#gpu.step();
    const { input, resets } = uploadIds(step, batch);
    const { context } = this.#model.context(step, input, { resets });
    return step.keep(context);
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
