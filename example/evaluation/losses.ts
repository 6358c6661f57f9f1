/** Losses of batches, kept on the GPU until they are read together: nothing is read within a step. */

import type { Gpu, Tensor } from "../../mod.ts";

/** Batches that there is room for at first. */
const FIRST_ROOM = 256;

/** What {@linkcode Losses.take} finds. */
export interface LossSum {
  /** Sum of the losses of all tokens, in float64. */
  readonly sum: number;
  /** Number of tokens. */
  readonly tokens: number;
  /** sum / tokens; NaN if there are none. */
  readonly mean: number;
  /** Number, from 0, of the first batch whose loss is not finite; -1 if all are. */
  readonly firstBad: number;
}

/** Collects one scalar a batch with its number of tokens. */
export class Losses implements Disposable {
  readonly #gpu: Gpu;
  #values: Tensor;
  #tokens: number[] = [];

  /** Makes room for some batches; it grows with them. */
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

  /** The losses since the last call. */
  async take(): Promise<LossSum> {
    const counts = this.#tokens;
    this.#tokens = [];
    if (counts.length === 0) return { sum: 0, tokens: 0, mean: NaN, firstBad: -1 };
    const values = (await this.#gpu.readFloats(this.#values)).subarray(0, counts.length);
    const tokens = counts.reduce((sum, n) => sum + n, 0);
    const sum = counts.reduce((total, n, i) => total + n * values[i]!, 0);
    const firstBad = values.findIndex((value) => !Number.isFinite(value));
    return { sum, tokens, mean: sum / tokens, firstBad };
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
