/** Losses of batches, kept on the GPU until they are read together: nothing is read within a step. */

import type { Gpu, Tensor } from "../mod.ts";

/** Batches that there is room for at first. */
const FIRST_ROOM = 256;

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

  /** Mean over all tokens since the last call, in float64, and how many there were; NaN if none. */
  async take(): Promise<{ mean: number; tokens: number }> {
    const counts = this.#tokens;
    this.#tokens = [];
    if (counts.length === 0) return { mean: NaN, tokens: 0 };
    const values = await this.#gpu.readFloats(this.#values);
    const tokens = counts.reduce((sum, n) => sum + n, 0);
    const sum = counts.reduce((total, n, i) => total + n * values[i]!, 0);
    return { mean: sum / tokens, tokens };
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
