/** Which rows of tables the steps of some ranks have moved. */

import type { Gradients } from "../../kernels/autograd/gradients.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { markRows } from "../../kernels/optimizer/mark_rows.ts";
import type { Communicator } from "../../kernels/parallel/communicator.ts";

/** Collects the rows that gradients have. */
export class MovedRows implements Disposable {
  readonly #gpu: Gpu;
  /** Of each table the first row's place among those of all. */
  readonly #places = new Map<Tensor, number>();
  /** A mark for each row of all tables, 0 or 1. */
  readonly #marks: Tensor;
  /** The tables of which all rows have moved. */
  readonly #whole = new Set<Tensor>();

  /** Ranks list their tables in the same order. */
  constructor(gpu: Gpu, tables: readonly Tensor[]) {
    let rows = 0;
    for (const table of tables) {
      this.#places.set(table, rows);
      rows += table.shape[0]!;
    }
    this.#gpu = gpu;
    this.#marks = gpu.table([rows], new Uint32Array(rows));
  }

  /** Notes what a step by `gradients` moves. */
  note(gradients: Gradients): void {
    for (const [table, first] of this.#places) {
      const gradient = gradients.get(table);
      if (gradient?.kind === "sparse") markRows(this.#gpu, this.#marks, first, gradient.ids);
      else if (gradient) this.#whole.add(table);
    }
  }

  /**
   * The rows of each table that any rank has moved since the last call, rising; undefined stands for all.
   * All ranks call it, after steps by gradients of the same kinds.
   */
  async take(
    communicator: Communicator,
  ): Promise<ReadonlyMap<Tensor, Uint32Array | undefined>> {
    const marks = await this.#gpu.read(this.#marks) as Uint32Array;
    for (const rows of await communicator.gather(marked(marks))) {
      for (const row of rows) marks[row] = 1;
    }
    const moved = [...this.#places].map(([table, first]) => {
      const rows = marked(marks.subarray(first, first + table.shape[0]!));
      return [table, this.#whole.has(table) ? undefined : rows] as const;
    });
    this.clear();
    return new Map(moved);
  }

  /** Forgets what steps have moved. */
  clear(): void {
    this.#gpu.clear(this.#marks);
    this.#whole.clear();
  }

  [Symbol.dispose](): void {
    this.#marks.dispose();
  }
}

/** The numbers of the elements that are not 0. */
function marked(marks: Uint32Array): Uint32Array {
  const found = new Uint32Array(marks.reduce((count, mark) => count + mark, 0));
  let at = 0;
  marks.forEach((mark, row) => {
    if (mark > 0) found[at++] = row;
  });
  return found;
}
