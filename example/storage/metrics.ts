/** The record of a run: one JSON object per line, appended to `saved_model/NAME.metrics.jsonl`. */

import type { Tuning } from "../../kernels/mod.ts";
import type { Audit } from "../../mod.ts";
import type { Bucket, SelfNormalization } from "../evaluation/card.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";
import type { Figures } from "../shared/progress.ts";
import type { Settings } from "../options/options.ts";
import { MODEL_FOLDER } from "../options/settings.ts";

/** Written once, when training begins. */
export interface StartEvent {
  readonly event: "start";
  /** All settings of the run. */
  readonly config: Omit<Settings, "resume">;
  /** Name of the WebGPU adapter. */
  readonly adapter: string;
  /** The variants of kernels that a GPU takes. */
  readonly tuning?: Tuning;
  /** Number of words in the vocabulary, V. */
  readonly vocabulary: number;
  readonly seed: number;
}

/** Written every log interval. */
export interface TrainEvent extends Figures {
  readonly event: "train";
  /** Number of training steps so far. */
  readonly step: number;
  /** Number of words of this epoch that were trained on so far. */
  readonly tokens: number;
  /** Fraction of noise samples that equalled their target. */
  readonly hitRate?: number;
}

/** Written at intervals if requested: the sampled gradient compared with the exact one. */
export interface AuditEvent extends Audit {
  readonly event: "audit";
  /** Number of the training step. */
  readonly step: number;
}

/** Written after each epoch. */
export interface EpochEvent {
  readonly event: "epoch";
  readonly epoch: number;
  /** Number of training steps so far. */
  readonly step: number;
  /** Duration of the epoch, training and validation. */
  readonly seconds: number;
  /** Mean training loss per token. */
  readonly trainLoss: number;
  /** Exact perplexity of the validation text, if the model gives probabilities. */
  readonly validPpl?: number;
  /** The same without unknown words, if there are any. */
  readonly validPplKnown?: number;
  /** Loss of the validation text, if it does not. */
  readonly validLoss?: number;
  /** Self-normalisation on the validation text. */
  readonly selfNormalization?: SelfNormalization;
  readonly lr: number;
  /** Training tokens per second. */
  readonly tokensPerSecond: number;
}

/** Written at the end. */
export interface TestEvent {
  readonly event: "test";
  /** How the text was scored: `full`, `nce`, `loss` or `sampled:K`. */
  readonly evaluation: string;
  /** Perplexity, if the scores were normalised. */
  readonly ppl?: number;
  /** Perplexity without unknown words, if there are any. */
  readonly pplKnown?: number;
  /** Mean loss per token, if they were not. */
  readonly loss?: number;
  /** Number of predicted words. */
  readonly tokens: number;
  /** Of a part of a text: the standard error of the perplexity or the loss, and the tokens of the whole. */
  readonly standardError?: number;
  readonly ofTokens?: number;
  /** Number of unknown words among them, if there are any. */
  readonly unknown?: number;
  /** Self-normalisation of the model. */
  readonly selfNormalization?: SelfNormalization;
  /** Perplexity by word frequency. */
  readonly frequency?: readonly Bucket[];
}

/** One line of the record. */
export type MetricsEvent = StartEvent | TrainEvent | AuditEvent | EpochEvent | TestEvent;

/** Receives the events of a run. */
export interface MetricsSink {
  write(event: MetricsEvent): void;
}

/** The record of a run, which a resumed run takes back to a checkpoint. */
export type RewindableMetrics = Pick<Metrics, "write" | "position" | "rewind">;

/** The record of a rank that does not write. */
export const NO_RECORD: RewindableMetrics = { write() {}, position: () => undefined, rewind() {} };

/** Appends events to a file, each whole or not at all. */
export class Metrics implements MetricsSink {
  /** The file. */
  readonly path: string;
  readonly #io: Io;
  readonly #board: MetricsSink | undefined;
  readonly #attempt: Attempt;

  /**
   * An existing record is continued; a missing folder is made.
   *
   * @param save Name of the model, as in `Settings.save`.
   * @param io Gets a warning if the record cannot be written, which does not stop the run.
   * @param board Also receives every event.
   */
  constructor(save: string, io: Io, board?: MetricsSink) {
    this.path = `${MODEL_FOLDER}/${save}.metrics.jsonl`;
    this.#io = io;
    this.#board = board;
    this.#attempt = attemptOnRecord(this.path, io);
    this.#attempt(() => Deno.mkdirSync(MODEL_FOLDER, { recursive: true }));
  }

  /** Appends one event; a number that is not finite is written as null, as in JSON. */
  write(event: MetricsEvent): void {
    const line = new TextEncoder().encode(JSON.stringify(event) + "\n");
    this.#attempt(() => appendWhole(this.path, line));
    this.#board?.write(event);
  }

  /** Syncs the record and returns its size in bytes; undefined if it cannot be written. */
  position(): number | undefined {
    return this.#attempt(() => {
      using file = Deno.openSync(this.path, { append: true, create: true });
      file.syncSync();
      return file.statSync().size;
    });
  }

  /** Removes everything written after {@linkcode position} returned `bytes`. */
  rewind(bytes: number): void {
    const size = this.position();
    if (size === undefined || size === bytes) return;
    if (size > bytes) return this.#attempt(() => Deno.truncateSync(this.path, bytes));
    this.#io.err(`warning: ${this.path} lacks lines that were in it; this record is not complete`);
  }
}

/** Appends to a record, all or nothing: behind a part that fitted on a full disk, nothing could be read. */
export function appendWhole(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { append: true, create: true });
  const { size } = file.statSync();
  try {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } catch (error) {
    file.truncateSync(size);
    throw error;
  }
}

/** Runs an operation on a record; returns undefined if it fails. */
type Attempt = <T>(action: () => T) => T | undefined;

/** Makes an `Attempt` on the record `path` that warns `io` of the first failure and does not stop the run. */
export function attemptOnRecord(path: string, io: Io): Attempt {
  let failed = false;
  return (action) => {
    try {
      return action();
    } catch (error) {
      if (failed) return undefined; // said once
      failed = true;
      const what = `cannot write ${path}: ${reasonOf(error)}`;
      io.err(`warning: ${what}; this record is not complete`);
      return undefined;
    }
  };
}
