/** Keeps the losses of batches on the GPU and reads them together, so that no step waits for a read. */

import type { Gpu, Tensor } from "../../mod.ts";

/** Initial capacity in batches. */
const FIRST_ROOM = 256;

/** Summed losses of several batches. */
export interface LossSum {
  /** Sum of the losses of all tokens, in float64. */
  readonly sum: number;
  /** Number of tokens. */
  readonly tokens: number;
  /** Number of batches. */
  readonly batches: number;
  /** Number, from 0, of the first batch whose loss is not finite; -1 if all are. */
  readonly firstBad: number;
}

/** The sums of no batch. */
export const NOTHING: LossSum = { sum: 0, tokens: 0, batches: 0, firstBad: -1 };

/** The sums of batches, and of those after them. */
export function followed(before: LossSum, after: LossSum): LossSum {
  const isBad = before.firstBad < 0 && after.firstBad >= 0;
  return {
    sum: before.sum + after.sum,
    tokens: before.tokens + after.tokens,
    batches: before.batches + after.batches,
    firstBad: isBad ? before.batches + after.firstBad : before.firstBad,
  };
}

/** The sums of batches of which each rank had a part. */
export function ofRanks(all: readonly LossSum[]): LossSum {
  const bad = all.map(({ firstBad }) => firstBad).filter((batch) => batch >= 0);
  return {
    sum: all.reduce((total, { sum }) => total + sum, 0),
    tokens: all.reduce((total, { tokens }) => total + tokens, 0),
    batches: all[0]!.batches,
    firstBad: bad.length > 0 ? Math.min(...bad) : -1,
  };
}

/** Collects one scalar per batch, with its number of tokens. */
export class Losses implements Disposable {
  readonly #gpu: Gpu;
  #values: Tensor;
  #tokens: number[] = [];
  /** Sums of the losses already read. */
  #sums = NOTHING;

  /** Allocates the initial capacity; it grows on demand. */
  constructor(gpu: Gpu) {
    this.#gpu = gpu;
    this.#values = gpu.tensor([FIRST_ROOM]);
  }

  /** Adds the loss of a batch, a tensor [1], which is a mean over `tokens` tokens. */
  push(loss: Tensor, tokens: number): void {
    if (this.#tokens.length === this.#values.size) this.#grow();
    this.#gpu.copy(loss, this.#values, { toStart: this.#tokens.length });
    this.#tokens.push(tokens);
  }

  /** The losses so far, or since {@linkcode take}; reading more often does not change a bit. */
  async sums(): Promise<LossSum> {
    const counts = this.#tokens, before = this.#sums;
    if (counts.length === 0) return before;
    this.#tokens = [];
    const values = (await this.#gpu.readFloats(this.#values)).subarray(0, counts.length);
    const bad = values.findIndex((value) => !Number.isFinite(value));
    return this.#sums = {
      sum: counts.reduce((total, n, i) => total + n * values[i]!, before.sum),
      tokens: counts.reduce((total, n) => total + n, before.tokens),
      batches: before.batches + counts.length,
      firstBad: before.firstBad < 0 && bad >= 0 ? before.batches + bad : before.firstBad,
    };
  }

  /** The same; starts again from zero. */
  async take(): Promise<LossSum> {
    const sums = await this.sums();
    this.#sums = NOTHING;
    return sums;
  }

  /** Continues from {@linkcode sums}. */
  restore(sums: LossSum): void {
    this.#sums = sums;
  }

  #grow(): void {
    const values = this.#gpu.tensor([2 * this.#values.size]);
    this.#gpu.copy(this.#values, values);
    this.#values.dispose();
    this.#values = values;
  }

  /** Frees the buffer. */
  [Symbol.dispose](): void {
    this.#values.dispose();
  }
}
