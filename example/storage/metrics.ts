/** The record of a run: one JSON object a line, appended to `saved_model/NAME.metrics.jsonl`. */

import type { Audit } from "../../mod.ts";
import type { Bucket, SelfNormalization } from "../evaluation/card.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";
import type { Figures } from "../shared/progress.ts";
import { MODEL_FOLDER, type Settings } from "../options/settings.ts";

/** Written once, when training begins. */
export interface StartEvent {
  readonly event: "start";
  /** All settings of the run. */
  readonly config: Omit<Settings, "resume">;
  /** Name of the WebGPU adapter. */
  readonly adapter: string;
  /** Number of words in the vocabulary, V. */
  readonly vocabulary: number;
  readonly seed: number;
}

/** Written every log interval. */
export interface TrainEvent extends Figures {
  readonly event: "train";
  /** Number of training steps so far. */
  readonly step: number;
  /** Noise samples that equalled their target, as a part of all. */
  readonly hitRate?: number;
}

/** Written every so many steps if asked for: the sampled gradient against the exact one. */
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
  /** Mean training loss of a token. */
  readonly trainLoss: number;
  /** Exact perplexity of the validation text, if the model is one of probabilities. */
  readonly validPpl?: number;
  /** The same without unknown words, if there are any. */
  readonly validPplKnown?: number;
  /** Loss of the validation text, if it is not. */
  readonly validLoss?: number;
  /** How far the model normalises itself on it. */
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
  /** Mean loss of a token, if they were not. */
  readonly loss?: number;
  /** Number of predicted words. */
  readonly tokens: number;
  /** How many of them are unknown words, if any are. */
  readonly unknown?: number;
  /** How far the model normalises itself. */
  readonly selfNormalization?: SelfNormalization;
  /** Perplexity by frequency of the word. */
  readonly frequency?: readonly Bucket[];
}

/** One line of the record. */
export type MetricsEvent = StartEvent | TrainEvent | AuditEvent | EpochEvent | TestEvent;

/** What gets the events of a run. */
export interface MetricsSink {
  write(event: MetricsEvent): void;
}

/** Appends events to a file, each in one write, so that a run cut short leaves whole lines. */
export class Metrics implements MetricsSink {
  /** The file. */
  readonly path: string;
  readonly #io: Io;
  readonly #board: MetricsSink | undefined;
  readonly #attempt: Attempt;

  /**
   * An existing record is continued.
   *
   * @param save Name of the model, as in `Settings.save`.
   * @param io Is warned if the record cannot be written: no result is lost for that.
   * @param folder Folder of the saved models; it is made where it is missing.
   * @param board Gets every event, too.
   */
  constructor(save: string, io: Io, folder = MODEL_FOLDER, board?: MetricsSink) {
    this.path = `${folder}/${save}.metrics.jsonl`;
    this.#io = io;
    this.#board = board;
    this.#attempt = attemptOnRecord(this.path, io);
    this.#attempt(() => Deno.mkdirSync(folder, { recursive: true }));
  }

  /** Appends one event; a figure that is not finite is written as null, as JSON has no other. */
  write(event: MetricsEvent): void {
    const line = JSON.stringify(event) + "\n";
    this.#attempt(() => Deno.writeTextFileSync(this.path, line, { append: true }));
    this.#board?.write(event);
  }

  /** Bytes of the record so far, which are on the disk then; undefined if it cannot be written. */
  position(): number | undefined {
    return this.#attempt(() => {
      using file = Deno.openSync(this.path, { read: true, append: true, create: true });
      file.syncSync();
      return file.statSync().size;
    });
  }

  /** Takes back what was written after {@linkcode position} gave `bytes`. */
  rewind(bytes: number): void {
    const size = this.position();
    if (size === undefined || size === bytes) return;
    if (size > bytes) return this.#attempt(() => Deno.truncateSync(this.path, bytes));
    this.#io.err(`warning: ${this.path} lacks lines that were in it; this record is not complete`);
  }
}

/** Does something to a record; gives undefined where that fails. */
type Attempt = <T>(action: () => T) => T | undefined;

/** Attempts on the record `path`, of which `io` is told the first that fails: no result is lost for it. */
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
