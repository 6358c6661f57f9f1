/** When a run's checkpoints are written, and how another run goes on from them. */

import type { Gpu } from "../../mod.ts";
import type { BestModel } from "../storage/best_model.ts";
import {
  type Checkpoint,
  checkpointPath,
  type RunTexts,
  writeCheckpoint,
} from "../storage/checkpoint_file.ts";
import { Failure } from "../shared/errors.ts";
import { attempt, isFile } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import type { Metrics } from "../storage/metrics.ts";
import type { Trainer } from "./trainer.ts";

/** All that a checkpoint is made from. */
interface Parts {
  readonly gpu: Gpu;
  readonly trainer: Trainer;
  readonly best: BestModel;
  readonly metrics: Metrics;
  readonly texts: RunTexts;
  readonly io: Io;
}

/** The checkpoints of a run. */
export class Checkpoints {
  /** The file. */
  readonly path: string;
  readonly #parts: Parts;
  #written = performance.now();
  /** Bytes of the record before the run's own lines. */
  #recordedBefore: number | undefined;

  /** Writes nothing yet. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.path = checkpointPath(parts.texts.settings.save);
  }

  /** Begins a run: what an earlier one left gets out of the way. */
  async begin(): Promise<void> {
    const { metrics, texts, io } = this.#parts;
    const { save, resume } = texts.settings, previous = checkpointPath(`${save}.previous`);
    if (resume) io.out(`resumes     nothing: there is no ${this.path}, and training starts anew`);
    if (isFile(this.path)) {
      attempt("write", previous, () => Deno.renameSync(this.path, previous));
      io.out(`keeps       ${previous}: the run before, which --resume would have gone on with`);
    }
    this.#recordedBefore = metrics.position();
    await this.write();
  }

  /** Goes on from `checkpoint`: everything is as it was when that was written. */
  async resume(checkpoint: Checkpoint): Promise<void> {
    const { trainer, best, metrics, texts, io } = this.#parts, { state } = checkpoint;
    const { epoch, batch } = state.position, { epochs } = texts.settings;
    trainer.restore(checkpoint);
    await best.resume(state.best, batch === 0 && state.best?.epoch === epoch - 1);
    if (state.recorded !== undefined) metrics.rewind(state.recorded);
    this.#recordedBefore = state.recorded;
    const place = epoch > epochs
      ? `nothing is left to train, as ${epoch - 1} of ${epochs} epochs are done`
      : `epoch ${epoch}, after ${batch} batches`;
    io.out(`resumes     ${this.path}: ${place}`);
  }

  /** Writes one if `--checkpoint-minutes` have gone by since the last one. */
  async writeIfDue(): Promise<void> {
    const { checkpointMinutes } = this.#parts.texts.settings;
    if (performance.now() - this.#written >= 60_000 * checkpointMinutes) await this.write();
  }

  /**
   * Writes one; says whether it is there. It is not while the best model cannot be written: a run could not
   * go on without it. If it cannot be written itself, the one before stays, which a warning says.
   *
   * @throws {Diverged} If there is nothing to go on from: a loss is not finite.
   */
  async write(): Promise<boolean> {
    const { gpu, trainer, best: { best, saved }, metrics, texts, io } = this.#parts;
    if (!saved) return false;
    const position = await trainer.position();
    // At first there is nothing but the line that says that the run starts, which is written again.
    const recorded = position.step === 0 ? this.#recordedBefore : metrics.position();
    const state = { position, ...(best && { best }), ...(recorded !== undefined && { recorded }) };
    this.#written = performance.now();
    using _held = trainer.optimizer.hold();
    try {
      // At first all tensors are what the seed makes of them.
      await writeCheckpoint(gpu, texts, state, position.step === 0 ? [] : trainer.tensors());
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      io.err(`warning: ${error.message}; training goes on, and the checkpoint before stays`);
      return false;
    }
  }
}
