/** Recurrent states carried from one batch to the next. */

import type { Gpu, Step, Tensor } from "../../mod.ts";
import { type Communicator, shardRows } from "../../kernels/mod.ts";
import type { Batch } from "../data/row_batch.ts";
import { joinRows } from "../shared/ranks.ts";

/** Keeps the last batch's states where the next batch continues its rows. */
export class CarriedStates implements Disposable {
  #states: readonly Tensor[] = [];
  /** Columns of the whole batch that they belong to. */
  #columns = 0;

  /**
   * The states [B, H] of the whole batch, of which each rank carries its columns; none unless the next batch
   * continues the last one. The caller disposes of them.
   */
  whole(gpu: Gpu, communicator: Communicator): Promise<Tensor[]> {
    return Array.fromAsync(this.#states, async (state) => {
      const shape = [this.#columns, state.shape[1]!] as const;
      const parts = await communicator.gather(await gpu.readFloats(state));
      return gpu.tensor(shape, joinRows(parts, ...shape));
    });
  }

  /** Carries this rank's columns of the states [B, H] of a whole batch, and takes ownership of these. */
  restore(gpu: Gpu, wholes: readonly Tensor[], { rank, size }: Communicator): void {
    this[Symbol.dispose]();
    this.#columns = wholes[0]?.shape[0] ?? 0;
    this.#states = size === 1 ? wholes : wholes.map((whole) => {
      const columns = shardRows({ rank, ranks: size, rows: this.#columns });
      const width = whole.shape[1]!, state = gpu.tensor([Math.max(1, columns), width]);
      for (let column = rank, row = 0; column < this.#columns; column += size, row++) {
        gpu.copy(whole, state, { fromStart: column * width, toStart: row * width, count: width });
      }
      whole.dispose();
      return state;
    });
  }

  /** Initial states of the whole `batch`, or of this rank's columns: the carried ones, or none, which means zero. */
  before({ batchSize, continues }: Pick<Batch, "batchSize" | "continues">): readonly Tensor[] {
    this.#columns = batchSize;
    return continues ? this.#states : [];
  }

  /** Keeps a batch's final states beyond its step, if the next batch continues it. */
  carry(step: Step, states: readonly Tensor[], continued: boolean): void {
    this[Symbol.dispose]();
    if (!continued) return;
    this.#states = states;
    for (const state of states) step.keep(state);
  }

  /** Frees the states. */
  [Symbol.dispose](): void {
    for (const state of this.#states) state.dispose();
    this.#states = [];
  }
}
