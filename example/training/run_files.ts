/** The files that a run writes besides models and checkpoints, and the checkpoint that it may go on from. */

import { frequencyLines } from "../data/word_counts.ts";
import { configOf } from "../options/config.ts";
import { checkWritable } from "../shared/files.ts";
import { labelled } from "../shared/format.ts";
import { writeBeside } from "../storage/beside_model.ts";
import {
  type Checkpoint,
  checkpointPath,
  type Hashes,
  openCheckpoint,
} from "../storage/checkpoint.ts";
import { lockModel } from "../storage/lock.ts";
import { Metrics, type RewindableMetrics } from "../storage/metrics.ts";
import { modelPath } from "../storage/open_model.ts";
import { TensorBoard } from "../storage/tensorboard.ts";
import type { Job } from "./run.ts";

/** Open files; the model's name is locked until they are closed. */
export interface RunFiles extends Disposable {
  readonly metrics: RewindableMetrics;
  /** The checkpoint to resume from, if there is one. */
  readonly checkpoint: Checkpoint | undefined;
}

/**
 * Locks the model's name, opens the checkpoint if the run is to be resumed, and writes counts of words and
 * settings. Nothing is written if a check fails.
 *
 * @throws {UsageError} If the run is resumed with a change to a fixed option.
 * @throws {Failure} If another run has the name, a file cannot be written, or the checkpoint is not of this text.
 */
export function openRunFiles({ settings, corpus, io }: Job, hashes: Hashes): RunFiles {
  const { save } = settings;
  using opened = new DisposableStack();
  opened.use(lockModel(save));
  checkWritable(modelPath(save));
  checkWritable(checkpointPath(save));
  const checkpoint = settings.resume ? openCheckpoint(settings) : undefined;
  if (checkpoint) opened.use(checkpoint);
  checkpoint?.expectText(hashes);
  const config = configOf(settings);
  writeBeside(save, checkpoint?.state.best !== undefined, {
    "config.json": [JSON.stringify(config, null, 2) + "\n"],
    "freq.txt": frequencyLines(corpus.occurrences),
  });
  io.detail(labelled("settings", JSON.stringify(config)));
  const board = settings.tbName === null ? undefined : new TensorBoard(settings, io);
  const metrics = new Metrics(save, io, board), disposable = opened.move();
  return { checkpoint, metrics, [Symbol.dispose]: () => disposable.dispose() };
}
