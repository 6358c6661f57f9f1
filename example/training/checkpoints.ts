/** Writes a run's checkpoints, and resumes from them. */

import { FIXED_TUNING } from "../../kernels/mod.ts";
import {
  type Checkpoint,
  checkpointPath,
  isInitial,
  type Position,
  type RunState,
  type SavedBest,
  writeCheckpoint,
} from "../storage/checkpoint.ts";
import { Failure } from "../shared/errors.ts";
import { attempt, isFile } from "../shared/files.ts";
import { labelled } from "../shared/format.ts";
import type { NamedParameter } from "../../nce/nn/mod.ts";
import type { ReadRange } from "../storage/tensors.ts";
import type { Run } from "./run.ts";
import type { TrainingState } from "./training_state.ts";
import { withShards } from "../storage/shards.ts";
import type { Trainer } from "./trainer.ts";

/** What a checkpoint is made of, at one place in training. */
interface Snapshot extends TrainingState {
  readonly position: Position;
}

/** A place in training. */
type Place = Pick<Position, "epoch" | "batch">;

function inWords({ epoch, batch }: Place): string {
  return `epoch ${epoch}, after ${batch} batches`;
}

/** The checkpoints of a run. */
export class Checkpoints {
  /** The file. */
  readonly path: string;
  readonly #run: Run;
  readonly #trainer: Trainer;
  #written = performance.now();
  /** Where the file would go on; undefined while this run has none. */
  #last: Place | undefined;
  /** Size of the record before the run's own lines, in bytes. */
  #recordedBefore: number | undefined;

  /** Writes nothing yet. */
  constructor(run: Run, trainer: Trainer) {
    this.#run = run;
    this.#trainer = trainer;
    this.path = checkpointPath(run.settings.save);
  }

  /** Begins a run: clears an earlier run's files out of the way. */
  async begin(): Promise<void> {
    if (this.#run.ranks.isFirst) this.#moveAway();
    await this.write();
  }

  #moveAway(): void {
    const { metrics, settings: { save, resume }, io } = this.#run;
    const previous = checkpointPath(`${save}.previous`);
    if (resume) {
      io.out(labelled("resumes", `nothing: there is no ${this.path}, and training starts anew`));
    }
    if (isFile(this.path)) {
      attempt("write", previous, () => Deno.renameSync(this.path, previous));
      io.out(
        labelled("keeps", `${previous}: the run before, which --resume would have gone on with`),
      );
    }
    this.#recordedBefore = metrics.position();
  }

  /** Resumes from `state`, in which rank 0's `checkpoint` was written. */
  async resume(state: RunState, checkpoint: Checkpoint | undefined): Promise<void> {
    const { gpu, model, best, metrics, settings: { epochs }, io } = this.#run;
    const trainer = this.#trainer;
    const { epoch } = state.position;
    this.#last = state.position;
    gpu.tuning = state.tuning ?? FIXED_TUNING; // sums in another order would lead elsewhere
    await trainer.restore(state, checkpoint);
    const isCurrent = state.position.batch === 0 && state.best?.epoch === epoch - 1;
    await this.#withShards(model.parameters(), (read) => best.resume(state.best, isCurrent, read));
    if (state.recorded !== undefined) metrics.rewind(state.recorded);
    this.#recordedBefore = state.recorded;
    const place = epoch > epochs
      ? `nothing is left to train, as ${epoch - 1} of ${epochs} epochs are done`
      : inWords(state.position);
    io.out(labelled("resumes", `${this.path}: ${place}`));
  }

  /** Writes a checkpoint if `--checkpoint-minutes` have passed since the last one. */
  async writeIfDue(): Promise<void> {
    const { ranks, settings: { checkpointMinutes } } = this.#run;
    const due = performance.now() - this.#written >= 60_000 * checkpointMinutes;
    if (ranks.checkpointDue(due)) await this.write();
  }

  /**
   * Writes a checkpoint; returns whether it was written. All ranks call it, and rank 0 writes. A best model that
   * could not be written is written first, since a run could not resume without that. If writing fails, the
   * previous checkpoint is kept, with a warning.
   *
   * @throws {Diverged} If a loss is not finite, so that there is nothing to resume from.
   */
  async write(): Promise<boolean> {
    using snapshot = await this.#snapshot();
    return await this.#withShards(
      snapshot.tensors,
      (read) => this.#writeSnapshot(snapshot, read),
    );
  }

  /** Keeps the current model as the best, with a checkpoint; returns whether it was written. */
  async keepBest(found: Omit<SavedBest, "sha256">): Promise<boolean> {
    const { best, model } = this.#run;
    using snapshot = await this.#snapshot(); // an epoch ends with a look at all parameters: no row waits
    return await this.#withShards(
      [...snapshot.tensors, ...model.parameters()],
      (read) => best.keep(found, async () => void await this.#writeSnapshot(snapshot, read), read),
    );
  }

  #withShards<T>(
    tensors: readonly NamedParameter[],
    body: (read: ReadRange) => Promise<T>,
  ): Promise<T> {
    const { gpu, ranks } = this.#run;
    return withShards(gpu, ranks.communicator, tensors, body);
  }

  /** Collects from all ranks what a checkpoint of this moment has. */
  async #snapshot(): Promise<Snapshot> {
    const position = await this.#trainer.position();
    const state = await this.#trainer.state();
    return { position, ...state };
  }

  /** Writes a checkpoint of what was collected; only rank 0 does. */
  async #writeSnapshot(
    { position, optimizer, tensors }: Snapshot,
    read: ReadRange,
  ): Promise<boolean> {
    const { gpu, settings, best, metrics, io, ranks } = this.#run;
    this.#written = performance.now();
    if (!ranks.isFirst) return false;
    try {
      await best.settle();
      // At first the record only has the start line, which a resumed run writes again.
      const recorded = position.step === 0 ? this.#recordedBefore : metrics.position();
      const state = {
        position,
        optimizer,
        ...(gpu.family === "hardware" && { tuning: gpu.tuning }),
        ...(best.best && { best: best.best }),
        ...(recorded !== undefined && { recorded }),
      };
      const changed = isInitial(settings, position) ? [] : tensors;
      await writeCheckpoint(gpu, this.#run, state, changed, read);
      this.#last = position;
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const stays = this.#last
        ? `and the checkpoint before stays: --resume would go on from ${inWords(this.#last)}`
        : "without a checkpoint";
      io.err(`warning: ${error.message}; training goes on, ${stays}`);
      return false;
    }
  }
}
