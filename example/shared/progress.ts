/** Progress of work, an epoch of training or another: a live bar on a terminal, plain lines elsewhere. */

import { formatCount, formatDuration, formatLoss, formatNumber } from "./format.ts";
import type { Io, Screen } from "./io.ts";
import { cutTo, widthOf } from "./width.ts";

/** Settings of an epoch's progress. */
export interface ProgressOptions {
  /** Number of this epoch, from 1. */
  readonly epoch: number;
  /** Maximum epochs of the run. */
  readonly epochs: number;
  /** Batches in the epoch. */
  readonly batches: number;
  /** Batches done by an earlier run. */
  readonly batchesBefore: number;
  /** Learning rate of the last step. */
  readonly lr: () => number;
  /** Whether the loss is a normalised log probability, so that its exponential is a perplexity. */
  readonly normalised: boolean;
  /** Expected milliseconds of the validation after each epoch. */
  readonly validationMs: number;
  /** Milliseconds now; for tests. */
  readonly clock?: () => number;
}

/** Figures of the batches since the last report, for a metrics line. */
export interface Figures {
  readonly epoch: number;
  readonly batch: number;
  readonly batches: number;
  readonly loss: number;
  readonly lr: number;
  readonly tokensPerSecond: number;
}

const REDRAW_MS = 100;
/** Shorter work has no bar. */
const FIRST_MS = 1000;
/** Without a terminal, a bar becomes a line this often. */
const LINE_MS = 30_000;
const MAX_BAR = 30;
const MIN_BAR = 5;

/** Shows the progress of a piece of work: a live bar on a terminal, a line every half minute elsewhere. */
export class Bar implements Disposable {
  readonly #io: Screen;
  readonly #label: string;
  readonly #total: number | undefined;
  readonly #clock: () => number;
  readonly #start: number;
  #done = 0;
  #shown: number;

  /**
   * @param label Name of the work, such as `validating`.
   * @param total Its size, in the units of {@linkcode step}; undefined if unknown.
   * @param clock Milliseconds now; for tests.
   */
  constructor(
    io: Screen,
    label: string,
    total: number | undefined,
    clock = () => performance.now(),
  ) {
    this.#io = io;
    this.#label = label;
    this.#total = total;
    this.#clock = clock;
    this.#start = clock();
    this.#shown = this.#start + (io.isTerminal ? FIRST_MS - REDRAW_MS : 0);
  }

  /** Counts `amount` as done. */
  step(amount = 1): void {
    this.#done += amount;
    const now = this.#clock(), { isTerminal } = this.#io;
    if (now - this.#shown < (isTerminal ? REDRAW_MS : LINE_MS)) return;
    this.#shown = now;
    if (this.#total === undefined) {
      const text = `${this.#label}  ${formatCount(this.#done)}`;
      return this.#io.live(cutTo(text, this.#io.columns - 1));
    }
    const part = Math.min(1, this.#done / this.#total);
    const left = (now - this.#start) * (1 - part) / part;
    const words = [`${Math.floor(100 * part)} %`, `${formatDuration(left)} left`];
    if (isTerminal) drawBar(this.#io, this.#label, part, words);
    else this.#io.out([this.#label, ...words].join(" | "));
  }

  /** Removes the bar. */
  [Symbol.dispose](): void {
    this.#io.live("");
  }
}

/**
 * Redraws the live line: a label, a bar if there is room, and words. On a narrow terminal the first words are
 * left out: the last one is the time left.
 */
function drawBar(io: Screen, label: string, part: number, words: readonly string[]): void {
  const room = io.columns - 1, texts = words.map((_, i) => words.slice(i).join("  "));
  const text = texts.find((text) => widthOf(`${label}  ${text}`) <= room);
  if (text === undefined) return io.live(cutTo(label, room));
  const size = Math.min(MAX_BAR, room - widthOf(`${label}  ${text}`) - 2);
  const filled = Math.floor(size * part);
  const bar = size < MIN_BAR ? "" : `${"█".repeat(filled)}${"░".repeat(size - filled)}  `;
  io.live(`${label}  ${bar}${text}`);
}

/** A bar on a terminal's standard error, of a command whose standard output has its results; none elsewhere. */
export function errorBar(io: Io, label: string, total: number | undefined): Bar | undefined {
  return io.error.isTerminal ? new Bar(io.error, label, total) : undefined;
}

/** Counts batches and tokens of an epoch and shows them. */
export class Progress {
  readonly #io: Io;
  readonly #options: ProgressOptions;
  readonly #clock: () => number;
  readonly #start: number;
  readonly #before: number;
  #batch: number;
  #tokens = 0;
  #loss: number | undefined;
  #drawn = -Infinity;
  #shown: { time: number; tokens: number };

  /** Draws the bar. */
  constructor(io: Io, options: ProgressOptions) {
    this.#io = io;
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
    this.#start = this.#clock();
    this.#before = this.#batch = options.batchesBefore;
    this.#shown = { time: this.#start, tokens: 0 };
    this.#draw(this.#start);
  }

  /** Training tokens per second since the start of the epoch. */
  get tokensPerSecond(): number {
    return rate(this.#tokens, this.#clock() - this.#start);
  }

  /** Counts one finished batch of `tokens` words; redraws the bar at most ten times per second. */
  step(tokens: number): void {
    this.#batch += 1;
    this.#tokens += tokens;
    const now = this.#clock();
    if (now - this.#drawn >= REDRAW_MS) this.#draw(now);
  }

  /** Shows the mean loss of the batches since the last call and returns their figures. */
  show(loss: number): Figures {
    const now = this.#clock();
    const { epoch, batches } = this.#options, lr = this.#options.lr();
    const tokensPerSecond = rate(this.#tokens - this.#shown.tokens, now - this.#shown.time);
    this.#loss = loss;
    this.#shown = { time: now, tokens: this.#tokens };
    const line = this.#parts(now, tokensPerSecond, [`lr ${formatNumber(lr)}`]).join(" | ");
    if (this.#io.isTerminal) {
      this.#io.detail(line);
      this.#draw(now);
    } else this.#io.out(line);
    return { epoch, batch: this.#batch, batches, loss, lr, tokensPerSecond };
  }

  /** Removes the bar; what was shown on plain lines stays. */
  done(): void {
    this.#io.live("");
  }

  #draw(now: number): void {
    if (!this.#io.isTerminal) return;
    this.#drawn = now;
    const [epoch, ...words] = this.#parts(now, rate(this.#tokens, now - this.#start));
    drawBar(this.#io, epoch!, this.#batch / this.#options.batches, words);
  }

  /** The text to show; a line has room for `more` than a bar. */
  #parts(now: number, tokensPerSecond: number, more: readonly string[] = []): string[] {
    const { epoch, epochs, batches, normalised } = this.#options;
    return [
      `epoch ${formatCount(epoch)}/${formatCount(epochs)}`,
      `batch ${formatCount(this.#batch)}/${formatCount(batches)}`,
      ...(this.#loss === undefined ? [] : [formatLoss(this.#loss, normalised)]),
      ...more,
      ...(this.#batch === this.#before
        ? []
        : [`${formatCount(tokensPerSecond)} tokens/s`, this.#timeLeft(now)]),
    ];
  }

  /** Remaining time of the epoch, and of the run if there are more epochs. */
  #timeLeft(now: number): string {
    const { epoch, epochs, batches, validationMs } = this.#options;
    const batchMs = (now - this.#start) / (this.#batch - this.#before);
    const left = batchMs * (batches - this.#batch);
    const text = `${formatDuration(left)} left`;
    if (epoch === epochs) return text;
    const run = left + validationMs + (epochs - epoch) * (batchMs * batches + validationMs);
    return `${text}, run ${formatDuration(run)}`;
  }
}

function rate(tokens: number, milliseconds: number): number {
  return milliseconds > 0 ? tokens / milliseconds * 1000 : 0;
}
