/** Progress of one training epoch: a live bar on a terminal, a plain line per report elsewhere. */

import type { Io } from "./io.ts";

/** What an epoch's progress needs to know at its start. */
export interface ProgressOptions {
  /** Number of this epoch, from 1. */
  readonly epoch: number;
  /** Most epochs of the run. */
  readonly epochs: number;
  /** Batches in the epoch. */
  readonly batches: number;
  /** Learning rate of the epoch. */
  readonly lr: number;
  /** Whether the loss is a normalised log probability, so that its exponential is a perplexity. */
  readonly normalised: boolean;
  /** Milliseconds now; for tests. */
  readonly clock?: () => number;
}

/** Figures of the batches since the report before, as a metrics line wants them. */
export interface Report {
  readonly epoch: number;
  readonly batch: number;
  readonly batches: number;
  readonly loss: number;
  readonly lr: number;
  readonly tokensPerSecond: number;
}

const REDRAW_MS = 100;
const LONGEST_BAR = 30;
const SHORTEST_BAR = 5;

/** Counts batches and tokens of an epoch and shows them. */
export class Progress {
  readonly #io: Io;
  readonly #options: ProgressOptions;
  readonly #clock: () => number;
  readonly #start: number;
  #batch = 0;
  #tokens = 0;
  #loss: number | undefined;
  #drawn = -Infinity;
  #reported: { time: number; tokens: number };

  /**
   * @param io Where the bar or the lines go.
   * @param options The epoch.
   */
  constructor(io: Io, options: ProgressOptions) {
    this.#io = io;
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
    this.#start = this.#clock();
    this.#reported = { time: this.#start, tokens: 0 };
    this.#draw(this.#start);
  }

  /** Training tokens per second since the start of the epoch. */
  get tokensPerSecond(): number {
    return rate(this.#tokens, this.#clock() - this.#start);
  }

  /** Counts one finished batch of `tokens` words; redraws the bar at most ten times a second. */
  step(tokens: number): void {
    this.#batch += 1;
    this.#tokens += tokens;
    const now = this.#clock();
    if (now - this.#drawn >= REDRAW_MS) this.#draw(now);
  }

  /** Shows the mean loss of the batches since the report before and returns their figures. */
  report(loss: number): Report {
    const now = this.#clock();
    const { epoch, batches, lr } = this.#options;
    const tokensPerSecond = rate(this.#tokens - this.#reported.tokens, now - this.#reported.time);
    this.#loss = loss;
    this.#reported = { time: now, tokens: this.#tokens };
    if (this.#io.isTerminal) this.#draw(now);
    else this.#io.out(this.#parts(now, tokensPerSecond).join(" | "));
    return { epoch, batch: this.#batch, batches, loss, lr, tokensPerSecond };
  }

  /** Removes the bar; what was reported on plain lines stays. */
  done(): void {
    this.#io.live("");
  }

  #draw(now: number): void {
    if (!this.#io.isTerminal) return;
    this.#drawn = now;
    const [epoch, ...rest] = this.#parts(now, rate(this.#tokens, now - this.#start));
    const words = rest.join("  ");
    const room = this.#io.columns - 1;
    const size = Math.min(LONGEST_BAR, room - `${epoch}  ${words}`.length - 2);
    const bar = size < SHORTEST_BAR ? "" : `${this.#bar(size)}  `;
    this.#io.live(`${epoch}  ${bar}${words}`.slice(0, room));
  }

  #bar(size: number): string {
    const filled = Math.floor(size * Math.min(1, this.#batch / this.#options.batches));
    return "█".repeat(filled) + "░".repeat(size - filled);
  }

  #parts(now: number, tokensPerSecond: number): string[] {
    const { epoch, epochs, batches, lr } = this.#options;
    const left = (now - this.#start) / this.#batch * (batches - this.#batch);
    return [
      `epoch ${epoch}/${epochs}`,
      `batch ${this.#batch}/${batches}`,
      ...(this.#loss === undefined ? [] : [this.#lossText(this.#loss)]),
      `lr ${formatNumber(lr)}`,
      ...(this.#batch === 0 ? [] : [
        `${Math.round(tokensPerSecond).toLocaleString("en-US")} tokens/s`,
        `${formatDuration(left)} left`,
      ]),
    ];
  }

  #lossText(loss: number): string {
    return this.#options.normalised
      ? `ppl ${Math.exp(loss).toFixed(2)}`
      : `loss ${loss.toFixed(4)}`;
  }
}

/** A number of milliseconds in words, such as `1h02m`, `3m07s` or `9s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const pad = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours}h${pad(minutes)}m`;
  return minutes > 0 ? `${minutes}m${pad(seconds % 60)}s` : `${seconds}s`;
}

/** A number with at most four significant digits, such as `0.25` or `1.221e-4`. */
export function formatNumber(value: number): string {
  const rounded = Number(value.toPrecision(4));
  return rounded !== 0 && Math.abs(rounded) < 1e-3 ? rounded.toExponential() : String(rounded);
}

function rate(tokens: number, milliseconds: number): number {
  return milliseconds > 0 ? tokens / milliseconds * 1000 : 0;
}
