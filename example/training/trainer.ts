/** Training of a model, batch by batch. */

import type { Gpu } from "../../mod.ts";
import type { Optimizer } from "../../nce/nn/mod.ts";
import { byItself, rankColumns } from "../data/columns.ts";
import type { Epoch } from "../data/epoch.ts";
import type { Batch } from "../data/row_batch.ts";
import { CarriedStates } from "../model/carried_states.ts";
import { badParameter, Diverged } from "./diverged.ts";
import { auditModel } from "./gradient_audit.ts";
import { meanLossOf } from "../model/batch_loss.ts";
import type { Io } from "../shared/io.ts";
import type { Losses, LossSum } from "../evaluation/losses.ts";
import { type Checkpoint, isInitial, type Position, type RunState } from "../storage/checkpoint.ts";
import type { MetricsSink } from "../storage/metrics.ts";
import type { WordModel } from "../model/model.ts";
import { Progress } from "../shared/progress.ts";
import { loadState, stateToSave, type TrainingState } from "./training_state.ts";
import { Schedule } from "./schedule.ts";
import type { Settings } from "../options/options.ts";
import { trainsPerplexity } from "../options/settings.ts";
import { Ranks } from "../shared/ranks.ts";
import { UnreportedLosses } from "./unreported_losses.ts";
import { Updates } from "./updates.ts";
import { formatCount, labelled } from "../shared/format.ts";
import { auditText } from "../shared/gradient_noise.ts";
import { checkStop } from "../shared/stop.ts";

/** Result of one pass over the text. */
export interface EpochResult {
  /** Mean training loss per token. */
  readonly loss: number;
  /** Training tokens per second. */
  readonly tokensPerSecond: number;
}

/** Observers of an epoch. */
export interface EpochOptions {
  /** Expected milliseconds of a validation. */
  readonly validationMs: number;
  readonly io: Io;
  readonly metrics: MetricsSink;
  /** Awaited before each batch, when ranks are together. */
  readonly beforeBatch: () => Promise<void>;
}

/** The start of an epoch. */
const START = { batch: 0, reported: { sum: 0, tokens: 0 }, hits: { hits: 0, samples: 0 } };

/** Trains a model batch by batch. */
export class Trainer implements Disposable {
  readonly #gpu: Gpu;
  readonly #model: WordModel;
  readonly #settings: Settings;
  readonly #ranks: Ranks;
  readonly #schedule: Schedule;
  readonly #carried = new CarriedStates();
  readonly #updates: Updates;
  readonly #losses: UnreportedLosses;
  #position: Omit<Position, "lr" | "unreported"> = { epoch: 1, step: 0, ...START };

  /** Makes the optimizer; `ranks` train together, each a part of every batch. */
  constructor(gpu: Gpu, model: WordModel, settings: Settings, ranks: Ranks = new Ranks()) {
    this.#gpu = gpu;
    this.#ranks = ranks;
    this.#model = model;
    this.#settings = settings;
    this.#schedule = new Schedule(settings);
    const lr = this.#schedule.at(0);
    this.#updates = new Updates(gpu, model.parameters(), { ...settings, lr }, ranks);
    this.#losses = new UnreportedLosses(gpu, ranks, this.#updates.isLocal);
  }

  /** Updates the parameters; its learning rate is that of the next step. */
  get optimizer(): Optimizer {
    return this.#updates.optimizer;
  }

  /** The epoch, from 1. */
  get epoch(): number {
    return this.#position.epoch;
  }

  /** Number of training steps so far. */
  get steps(): number {
    return this.#position.step;
  }

  /** Learning rate of the last step. */
  get lr(): number {
    return this.#schedule.at(this.#position.step - 1);
  }

  /** Lowers the learning rate, from the next step on. */
  decayLr(): void {
    this.#schedule.decay();
    this.optimizer.lr = this.#schedule.at(this.#position.step);
  }

  /** Ends an epoch, after its validation. */
  nextEpoch(): void {
    this.#position = { epoch: this.#position.epoch + 1, step: this.#position.step, ...START };
  }

  /**
   * Progress of training, when ranks are together. With {@linkcode state} it determines everything that
   * follows, since random numbers are a function of the seed and the step.
   *
   * @throws {Diverged} If a loss is not finite.
   */
  async position(): Promise<Position> {
    const unreported = await this.#losses.sums();
    this.#expectFinite(unreported);
    await this.#countHits();
    const { lr } = this.#schedule;
    return { ...this.#position, lr, unreported };
  }

  /** All that has to be saved besides the position; until it is disposed of, no step can be taken. */
  state(): Promise<TrainingState> {
    return stateToSave(this.#gpu, this.#updates, this.#carried, this.#ranks);
  }

  /**
   * Resumes at a saved place. Rank 0 has the checkpoint and sends its tensors to the others.
   *
   * @throws {Failure} If its tensors are not those of this model.
   */
  async restore(
    { position, optimizer }: Pick<RunState, "position" | "optimizer">,
    checkpoint: Checkpoint | undefined,
  ): Promise<void> {
    const { lr, unreported, ...place } = position;
    this.#position = place;
    if (isInitial(this.#settings, place)) return; // everything still has its initial value
    this.#losses.restore(unreported);
    this.#schedule.lr = lr;
    await loadState(this.#gpu, this.#updates, this.#carried, this.#ranks, optimizer, checkpoint);
  }

  /**
   * One training step; its mean loss goes to `losses`. Of several ranks each computes a part of the batch: only
   * the sum of their gradients is read back. With `--sync-every`, step and loss are a rank's own.
   */
  async step(batch: Batch, losses: Losses, continued = false): Promise<void> {
    const number = this.#position.step, { rank, size } = this.#ranks.communicator;
    this.#position = { ...this.#position, step: number + 1 };
    const { own: columns, part } = rankColumns(batch, rank, size), { seed } = this.#settings;
    const own = this.#updates.isLocal ? byItself(columns) : columns;
    using step = this.#gpu.step({ training: true, seed, number, ...(part && { part }) });
    const before = this.#carried.before(batch), { communicator } = this.#ranks;
    const { mean, states } = await meanLossOf(step, this.#model, own, communicator, before);
    losses.push(await this.#updates.step(step, mean), own.tokens);
    this.optimizer.lr = this.#schedule.at(number + 1);
    this.#carried.carry(step, states, continued);
  }

  /** With `--sync-every`: brings the ranks together. All call it. */
  async sync(): Promise<void> {
    if (!this.#updates.isLocal) return;
    await this.#losses.sums();
    await this.#updates.sync();
  }

  /**
   * The pass over `batches`, or the rest of it.
   *
   * @throws {Stopped} If a stop is requested.
   * @throws {Diverged} If a loss, or a parameter afterwards, is not finite.
   */
  async trainEpoch(
    batches: Epoch,
    { validationMs, io, metrics, beforeBatch }: EpochOptions,
  ): Promise<EpochResult> {
    const { epochs, logInterval, audit, syncEvery } = this.#settings;
    const { epoch, batch: first } = this.#position;
    const progress = new Progress(io, {
      epoch,
      epochs,
      batches: batches.length,
      batchesBefore: first,
      lr: () => this.lr,
      normalised: trainsPerplexity(this.#settings),
      validationMs,
    });
    let isTogether = true;
    for (let i = first; i < batches.length; i++) {
      if (isTogether) {
        await beforeBatch();
        checkStop(this.#ranks.stop);
      }
      const batch = batches.at(i);
      await this.step(batch, this.#losses.last, batches.continues && i + 1 < batches.length);
      this.#position = { ...this.#position, batch: i + 1 };
      isTogether = this.steps % syncEvery === 0 || i + 1 === batches.length;
      if (isTogether) await this.sync();
      await this.#gpu.keepUp();
      progress.step(batch.tokens);
      if (audit > 0 && this.steps % audit === 0) await this.#audit(batch, io, metrics);
      if ((i + 1) % logInterval === 0 || i + 1 === batches.length) {
        await this.#report(progress, metrics);
      }
    }
    progress.done();
    const bad = await badParameter(this.#gpu, this.#model.parameters(), this.#ranks);
    if (bad !== undefined) throw new Diverged(`the parameter ${bad}`, { step: this.steps, epoch });
    const { sum, tokens } = this.#position.reported;
    return { loss: sum / tokens, tokensPerSecond: progress.tokensPerSecond };
  }

  /** Reports what was trained since the last report. */
  async #report(progress: Progress, metrics: MetricsSink): Promise<void> {
    const found = await this.#losses.take(), before = this.#position.reported;
    this.#expectFinite(found);
    const reported = { sum: before.sum + found.sum, tokens: before.tokens + found.tokens };
    this.#position = { ...this.#position, reported };
    const hitRate = this.#settings.loss === "full" ? {} : { hitRate: await this.#takeHitRate() };
    metrics.write({
      event: "train",
      step: this.steps,
      tokens: reported.tokens,
      ...progress.show(found.sum / found.tokens),
      ...hitRate,
    });
  }

  /** Throws unless the losses of the last batches are finite. */
  #expectFinite({ batches, firstBad }: LossSum): void {
    if (firstBad < 0) return;
    const { epoch, step, batch } = this.#position, after = batches - firstBad - 1;
    const place = { step: step - after, epoch, batch: batch - after };
    throw new Diverged("the training loss", place);
  }

  /** Counts the noise samples since the last call. */
  async #countHits(): Promise<void> {
    const { hits, samples } = await this.#model.criterion.takeHits();
    const [allHits, allSamples] = await this.#ranks.sums([hits, samples]);
    const before = this.#position.hits;
    this.#position = {
      ...this.#position,
      hits: { hits: before.hits + allHits!, samples: before.samples + allSamples! },
    };
  }

  /** Fraction of the noise samples since the last report that equalled their target. */
  async #takeHitRate(): Promise<number> {
    await this.#countHits();
    const { hits, samples } = this.#position.hits;
    this.#position = { ...this.#position, hits: START.hits };
    return hits / samples;
  }

  /**
   * Compares the sampled gradient of the output layer with the exact one, on the whole batch: the larger it is,
   * the larger the part of shared noise in its gradient. It does not affect training; the first rank, which tells
   * of it, makes it alone.
   */
  async #audit(batch: Batch, io: Io, metrics: MetricsSink): Promise<void> {
    const { seed } = this.#settings, step = this.steps;
    await this.#countHits();
    if (!this.#ranks.isFirst) return;
    using _undisturbed = this.optimizer.undisturbed();
    const audit = await auditModel(this.#gpu, this.#model, batch, { seed, number: step });
    io.out(labelled("audit", `step ${formatCount(step)}: ${auditText(audit)}`));
    metrics.write({ event: "audit", step, ...audit });
  }

  /** Frees the optimizer's moments. */
  [Symbol.dispose](): void {
    this.#carried[Symbol.dispose]();
    this.#losses[Symbol.dispose]();
    this.#updates[Symbol.dispose]();
  }
}
