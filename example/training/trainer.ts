/** Training of a model, batch by batch. */

import { auditGradient, type Gpu, type Tensor } from "../../mod.ts";
import { SGD } from "../../nce/nn/mod.ts";
import { sum, weightedSum } from "../../kernels/ops.ts";
import type { Batch } from "../data/row_batch.ts";
import { CarriedStates } from "../model/carried_states.ts";
import { Diverged } from "./diverged.ts";
import { uploadIds, uploadWeight } from "../evaluation/evaluate.ts";
import type { Io } from "../shared/io.ts";
import { Losses } from "../evaluation/losses.ts";
import type { Metrics } from "../storage/metrics.ts";
import type { WordModel } from "../model/model.ts";
import { Progress } from "../shared/progress.ts";
import type { ModelSettings, TrainingSettings } from "../options/settings.ts";
import { checkStop, type StopFlag } from "../shared/stop.ts";

const MOMENTUM = 0.9;
/** Rows of a batch that a gradient audit looks at. */
const AUDIT_ROWS = 4;

/** How a model is trained. */
type TrainerSettings = TrainingSettings & Pick<ModelSettings, "loss" | "seed">;

/** What one pass over the text gives. */
export interface EpochResult {
  /** Mean training loss of a token. */
  readonly loss: number;
  /** Training tokens a second. */
  readonly tokensPerSecond: number;
}

/** An epoch, and who looks on. */
export interface EpochOptions {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Milliseconds that a validation takes, as far as is known. */
  readonly validationMs: number;
  readonly io: Io;
  readonly metrics: Metrics;
  readonly stop: StopFlag;
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
    continues: false,
  };
}

/** Trains a model batch by batch. */
export class Trainer implements Disposable {
  /** Updates the parameters. */
  readonly optimizer: SGD;
  readonly #gpu: Gpu;
  readonly #model: WordModel;
  readonly #settings: TrainerSettings;
  readonly #carried = new CarriedStates();
  #steps = 0;

  /** Makes the optimizer. */
  constructor(gpu: Gpu, model: WordModel, settings: TrainerSettings) {
    this.#gpu = gpu;
    this.#model = model;
    this.#settings = settings;
    const { lr, weightDecay, clip } = settings;
    const options = { lr, momentum: MOMENTUM, weightDecay, clip };
    this.optimizer = new SGD(gpu, model.parameters(), options);
  }

  /** Number of training steps so far. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * One training step; its mean loss goes to `losses`. Nothing is read back.
   *
   * @param next The batch that follows, if there is one: it may continue this one's rows.
   */
  step(batch: Batch, losses: Losses, next?: Batch): void {
    const number = this.#steps++;
    using step = this.#gpu.step({ training: true, seed: this.#settings.seed, number });
    const { input, target, resets } = uploadIds(step, batch);
    const start = { states: this.#carried.before(batch), resets };
    const { loss, states } = this.#model.forward(step, input, target, start);
    const mean = weightedSum(step, loss, uploadWeight(step, batch));
    this.optimizer.step(step.backward(mean));
    losses.push(mean, batch.tokens);
    this.#carried.carry(step, states, next);
  }

  /**
   * One pass over `batches`.
   *
   * @throws {Stopped} If a stop is requested.
   * @throws {Diverged} If a loss, or a parameter afterwards, is not finite.
   */
  async epoch(
    batches: readonly Batch[],
    { epoch, validationMs, io, metrics, stop }: EpochOptions,
  ): Promise<EpochResult> {
    const { epochs, logInterval, loss, audit } = this.#settings;
    const progress = new Progress(io, {
      epoch,
      epochs,
      batches: batches.length,
      lr: this.optimizer.lr,
      normalised: loss === "full",
      validationMs,
    });
    using losses = new Losses(this.#gpu);
    let total = 0, tokens = 0, shown = 0;
    for (const [i, batch] of batches.entries()) {
      checkStop(stop);
      this.step(batch, losses, batches[i + 1]);
      await this.#gpu.keepUp();
      progress.step(batch.tokens);
      if (audit > 0 && this.#steps % audit === 0) await this.#audit(batch, metrics);
      if ((i + 1) % logInterval === 0 || i + 1 === batches.length) {
        const found = await losses.take();
        if (found.firstBad >= 0) {
          const step = this.#steps - (i - shown) + found.firstBad;
          throw new Diverged("the training loss", {
            step,
            epoch,
            batch: shown + found.firstBad + 1,
          });
        }
        total += found.sum, tokens += found.tokens, shown = i + 1;
        const hitRate = loss === "full" ? {} : { hitRate: await this.#hitRate() };
        metrics.write({ event: "train", ...progress.show(found.mean), ...hitRate });
      }
    }
    progress.done();
    const bad = await this.#badParameter();
    if (bad !== undefined) throw new Diverged(`the parameter ${bad}`, { step: this.#steps, epoch });
    return { loss: total / tokens, tokensPerSecond: progress.tokensPerSecond };
  }

  /** Name of a parameter that has an element which is not finite; undefined if none has. */
  async #badParameter(): Promise<string | undefined> {
    const parameters = this.#model.parameters();
    using sums = this.#gpu.tensor([parameters.length]);
    {
      using step = this.#gpu.step();
      parameters.forEach(([, parameter], toStart) => {
        this.#gpu.copy(sum(step, parameter), sums, { toStart }); // infinities and NaN show in a sum
      });
    }
    const bad = (await this.#gpu.readFloats(sums)).findIndex((value) => !Number.isFinite(value));
    return parameters[bad]?.[0];
  }

  /** Noise samples that equalled their target since the last line, as a part of all. */
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

  /** Frees the optimizer's moments. */
  [Symbol.dispose](): void {
    this.#carried[Symbol.dispose]();
    this.optimizer[Symbol.dispose]();
  }
}
