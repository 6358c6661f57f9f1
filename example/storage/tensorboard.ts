/** The record of a run for TensorBoard: an event file in `runs/NAME` with the events that `Metrics` gets. */

import { configOf } from "../options/config.ts";
import type { Settings } from "../options/options.ts";
import { BOARD_FOLDER, trainsPerplexity } from "../options/settings.ts";
import { attempt, makeFolder, namesIn } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { type BoardHistogram, type BoardValue, valuesRecord, versionRecord } from "./event_file.ts";
import {
  appendWhole,
  attemptOnRecord,
  type EpochEvent,
  type MetricsEvent,
  type MetricsSink,
  type TestEvent,
} from "./metrics.ts";

/** Appends events to a new file; a resumed run adds another file, as is usual. */
export class TensorBoard implements MetricsSink {
  /** The file. */
  readonly path: string;
  readonly #attempt: ReturnType<typeof attemptOnRecord>;
  /** Whether the training loss is a normalised log probability. */
  readonly #normalised: boolean;
  #step = 0;

  /**
   * Starts the file with the settings as text.
   *
   * @param settings Of the run, with a `tbName`.
   * @param io Gets a warning if an event cannot be written.
   * @throws {Failure} If the file cannot be made.
   */
  constructor(settings: Settings, io: Io) {
    this.path = newFile(`${BOARD_FOLDER}/${settings.tbName}`);
    this.#attempt = attemptOnRecord(this.path, io);
    this.#normalised = trainsPerplexity(settings);
    this.#append(versionRecord());
    this.#append(valuesRecord(0, [{ tag: "settings", value: tableOf(settings) }]));
  }

  /** Appends the figures of an event; a test gets the last step. */
  write(event: MetricsEvent): void {
    if ("step" in event) this.#step = event.step;
    const values = Object.entries(figuresOf(event, this.#normalised))
      .flatMap(([tag, value]) =>
        value === undefined ? [] : [{ tag, value }] satisfies BoardValue[]
      );
    if (values.length > 0) this.#append(valuesRecord(this.#step, values));
  }

  #append(bytes: Uint8Array): void {
    this.#attempt(() => appendWhole(this.path, bytes));
  }
}

/** Makes an empty file in `folder` that sorts last, since TensorBoard reads files in order: also if a clock is behind. */
function newFile(folder: string): string {
  const before = namesIn(folder).map((name) =>
    Number(/^events.*\.(\d{10})\.nce\./.exec(name)?.[1] ?? 0)
  );
  const second = Math.max(Math.floor(Date.now() / 1000), ...before.map((second) => second + 1));
  const seconds = String(second).padStart(10, "0");
  for (let number = 0;; number++) {
    const path = `${folder}/events.out.tfevents.${seconds}.nce.${Deno.pid}.${number}`;
    const isMade = attempt("write", path, () => {
      makeFolder(folder);
      try {
        Deno.openSync(path, { write: true, createNew: true }).close();
        return true;
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) return false;
        throw error;
      }
    });
    if (isMade) return path;
  }
}

/** The settings as a Markdown table. */
function tableOf(settings: Settings): string {
  const rows = Object.entries(configOf(settings)).map(([name, value]) => `| ${name} | ${value} |`);
  return ["| option | value |", "| --- | --- |", ...rows].join("\n");
}

/** Figures by tag; undefined where there are none. */
type BoardFigures = Readonly<Record<string, BoardValue["value"] | undefined>>;

/** The figures of an event. */
function figuresOf(event: MetricsEvent, normalised: boolean): BoardFigures {
  switch (event.event) {
    case "start":
      return {};
    case "train":
      return {
        "train/loss": event.loss,
        "train/perplexity": normalised ? Math.exp(event.loss) : undefined,
        "train/learning_rate": event.lr,
        "train/tokens_per_second": event.tokensPerSecond,
        "train/hit_rate": event.hitRate,
      };
    case "audit":
      if (isNaN(event.variance)) return { "audit/cosine": event.cosine };
      return {
        "audit/cosine": event.cosine,
        "audit/bias": event.bias,
        "audit/variance": event.variance,
        "audit/length": event.length,
      };
    case "epoch":
      return {
        "epoch/seconds": event.seconds,
        "epoch/train_loss": event.trainLoss,
        "epoch/learning_rate": event.lr,
        "epoch/tokens_per_second": event.tokensPerSecond,
        "valid/perplexity": event.validPpl,
        "valid/perplexity_known": event.validPplKnown,
        "valid/loss": event.validLoss,
        ...normaliserOf("valid", event),
      };
    case "test":
      return {
        "test/perplexity": event.ppl,
        "test/perplexity_known": event.pplKnown,
        "test/loss": event.loss,
        ...normaliserOf("test", event),
      };
  }
}

/** The mean, the deviation and the distribution of ln Z. */
function normaliserOf(
  text: string,
  { selfNormalization: card }: EpochEvent | TestEvent,
): BoardFigures {
  if (card === undefined) return {};
  const { mean, std, histogram } = card;
  const distribution: BoardHistogram = { ...histogram, mean, std };
  return { [`${text}/ln_z_mean`]: mean, [`${text}/ln_z_std`]: std, [`${text}/ln_z`]: distribution };
}
