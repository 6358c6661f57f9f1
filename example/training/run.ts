/** A training run: what it is asked to do, and what it has while it does it. */

import type { Gpu } from "../../mod.ts";
import type { Communicator } from "../../kernels/mod.ts";
import type { Epochs } from "../data/batches.ts";
import type { Corpus } from "../data/corpus.ts";
import type { WordModel } from "../model/model.ts";
import type { Settings } from "../options/options.ts";
import type { Io } from "../shared/io.ts";
import type { Ranks } from "../shared/ranks.ts";
import type { BestModel } from "../storage/best_model.ts";
import type { RunTexts } from "../storage/checkpoint.ts";
import type { RewindableMetrics } from "../storage/metrics.ts";

/** A text, a GPU, the settings, and where output goes. */
export interface Job {
  readonly gpu: Gpu;
  readonly settings: Settings;
  readonly corpus: Corpus;
  /** Those of the training text, of which the first may be packed already. */
  readonly epochs: Epochs;
  readonly io: Io;
  /** The ranks that share the work; this process alone unless given. */
  readonly communicator?: Communicator;
}

/** A job that is being done. */
export interface Run extends Omit<Job, "communicator">, RunTexts {
  readonly model: WordModel;
  readonly ranks: Ranks;
  /** The record: of rank 0, a file. */
  readonly metrics: RewindableMetrics;
  readonly best: BestModel;
}
