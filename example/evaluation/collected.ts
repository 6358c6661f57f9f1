/** Collects numbers for every token of a text from the GPU: reads several batches at a time, without padding. */

import type { Gpu, Tensor } from "../../mod.ts";
import { type Batch, elementsOf } from "../data/row_batch.ts";

/** Number of tokens that the buffer on the GPU holds before it is read. */
const WAITING = 2 ** 18;

/** Collects `count` numbers per token, batch by batch. */
export class CollectedNumbers implements Disposable {
  readonly #gpu: Gpu;
  readonly #batches: readonly Batch[];
  readonly #waiting: readonly Tensor[];
  readonly #found: readonly Float32Array[];
  /** Number of batches pushed, and the first one that is not read yet. */
  #pushed = 0;
  #read = 0;
  #cells = 0;
  #tokens = 0;

  /**
   * @param batches The batches, in the order in which they will be pushed.
   * @param count Numbers of a token.
   */
  constructor(gpu: Gpu, batches: readonly Batch[], count: number) {
    this.#gpu = gpu;
    this.#batches = batches;
    const most = batches.reduce((most, batch) => Math.max(most, elementsOf(batch)), 1);
    const all = batches.reduce((sum, batch) => sum + elementsOf(batch), 0);
    const room = Math.max(most, Math.min(all, WAITING));
    this.#waiting = Array.from({ length: count }, () => gpu.tensor([room]));
    const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0);
    this.#found = this.#waiting.map(() => new Float32Array(tokens));
  }

  /** Takes the numbers of the next batch, a tensor [T * B] for each. */
  push(...numbers: readonly Tensor[]): void {
    numbers.forEach((from, i) => {
      this.#gpu.copy(from, this.#waiting[i]!, { toStart: this.#cells, count: from.size });
    });
    this.#cells += elementsOf(this.#batches[this.#pushed++]!);
  }

  /** Reads the buffer, unless the next batch still fits. */
  async makeRoom(): Promise<void> {
    const next = this.#batches[this.#pushed];
    if (next && this.#cells + elementsOf(next) > this.#waiting[0]!.size) await this.#readWaiting();
  }

  /** All numbers: batch by batch, in the order of each batch's elements. */
  async take(): Promise<readonly Float32Array[]> {
    await this.#readWaiting();
    return this.#found;
  }

  async #readWaiting(): Promise<void> {
    const batches = this.#batches.slice(this.#read, this.#pushed);
    const isToken = batches.map(({ mask }) => mask);
    let tokens = 0;
    for (const [i, waiting] of this.#waiting.entries()) {
      const numbers = await this.#gpu.readFloats(waiting), found = this.#found[i]!;
      let cell = 0;
      tokens = this.#tokens;
      for (const mask of isToken) {
        for (const real of mask) {
          if (real === 1) found[tokens++] = numbers[cell]!;
          cell++;
        }
      }
    }
    this.#tokens = tokens;
    this.#read = this.#pushed;
    this.#cells = 0;
  }

  /** Frees the buffer. */
  [Symbol.dispose](): void {
    for (const tensor of this.#waiting) tensor.dispose();
  }
}

/** Applies `pick` to all batches and joins the tokens' values, without padding. */
export function tokensOf<B extends Batch>(
  batches: readonly B[],
  pick: (batch: B) => Uint32Array,
): Uint32Array {
  const all = new Uint32Array(batches.reduce((sum, { tokens }) => sum + tokens, 0));
  let token = 0;
  for (const batch of batches) {
    const { mask } = batch;
    pick(batch).forEach((value, cell) => {
      if (mask[cell] === 1) all[token++] = value;
    });
  }
  return all;
}
