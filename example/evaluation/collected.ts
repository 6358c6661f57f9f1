/** Collects numbers for every token of a text from the GPU: reads several batches at a time, without padding. */

import type { Gpu, Tensor } from "../../mod.ts";
import { type Batch, elementsOf } from "../data/row_batch.ts";

/** Number of tokens that the buffer on the GPU holds before it is read. */
const WAITING = 2 ** 18;

/** Collects `count` numbers per token of some of a text's batches; those of the others stay 0. */
export class CollectedNumbers implements Disposable {
  readonly #gpu: Gpu;
  readonly #batches: readonly Batch[];
  /** Where the tokens of each batch begin. */
  readonly #starts: readonly number[];
  readonly #waiting: readonly Tensor[];
  readonly #found: readonly Float32Array[];
  /** The batches whose numbers wait on the GPU, and the cells that they take. */
  #pushed: number[] = [];
  #cells = 0;

  /**
   * @param batches All batches of the text.
   * @param count Numbers of a token.
   */
  constructor(gpu: Gpu, batches: readonly Batch[], count: number) {
    this.#gpu = gpu;
    this.#batches = batches;
    let tokens = 0, cells = 0, largest = 1;
    this.#starts = batches.map((batch) => {
      cells += elementsOf(batch);
      largest = Math.max(largest, elementsOf(batch));
      return (tokens += batch.tokens) - batch.tokens;
    });
    const room = Math.max(largest, Math.min(cells, WAITING));
    this.#waiting = Array.from({ length: count }, () => gpu.tensor([room]));
    this.#found = this.#waiting.map(() => new Float32Array(tokens));
  }

  /** Takes the numbers of batch `i`, a tensor [T * B] for each. */
  async push(i: number, ...numbers: readonly Tensor[]): Promise<void> {
    const cells = elementsOf(this.#batches[i]!);
    if (this.#cells + cells > this.#waiting[0]!.size) await this.#readWaiting();
    numbers.forEach((from, k) => {
      this.#gpu.copy(from, this.#waiting[k]!, { toStart: this.#cells, count: cells });
    });
    this.#cells += cells;
    this.#pushed.push(i);
  }

  /** All numbers: batch by batch, in the order of each batch's elements. */
  async take(): Promise<readonly Float32Array[]> {
    await this.#readWaiting();
    return this.#found;
  }

  async #readWaiting(): Promise<void> {
    const pushed = this.#pushed.map((i) => [this.#starts[i]!, this.#batches[i]!.mask] as const);
    for (const [k, waiting] of this.#waiting.entries()) {
      const numbers = await this.#gpu.readFloats(waiting), found = this.#found[k]!;
      let cell = 0;
      for (const [start, mask] of pushed) {
        let token = start;
        for (const real of mask) {
          if (real === 1) found[token++] = numbers[cell]!;
          cell++;
        }
      }
    }
    this.#pushed = [];
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
