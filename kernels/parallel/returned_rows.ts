/** Gradients of fetched rows, which go back to the ranks that hold them. */

import { UNUSED } from "../accumulate/merge_rows.ts";
import type { Communicator } from "./communicator.ts";
import { type Fetched, fetchedBy } from "../lookup/find_rows.ts";
import type { GradientSums } from "../autograd/gradient_sums.ts";
import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";
import { concatenated, distinct, readerOf, sumOfSquares } from "./arrays.ts";

/** A table's fetched rows. */
interface Returned {
  readonly table: Tensor;
  readonly width: number;
  readonly group: Fetched;
  /** [m + 1, width] Their gradient; undefined if none has reached them. */
  readonly gradient: Tensor | undefined;
}

/** The sum of all ranks' gradients of the rows of a shard. */
interface ShardSum {
  readonly ids: Uint32Array;
  readonly values: Float32Array;
}

/** What a step returns to other ranks, and what they return to this one. */
export class ReturnedRows {
  readonly #step: Step;
  readonly #sums: GradientSums;
  readonly #returned: readonly Returned[];
  #merged: readonly ShardSum[] = [];

  /** Takes the gradients of what `step` has fetched out of `sums`. */
  constructor(step: Step, sums: GradientSums) {
    this.#step = step;
    this.#sums = sums;
    this.#returned = (fetchedBy.get(step) ?? []).flatMap((group) =>
      [...group.tables].map(([table, rows]) => {
        return { table, width: table.size / table.shape[0]!, group, gradient: sums.take(rows) };
      })
    );
  }

  /** The gradients, which have to be read. */
  get tensors(): Tensor[] {
    return this.#returned.flatMap(({ gradient }) => gradient ?? []);
  }

  /**
   * Sends the gradients that were read to the ranks that hold the rows, and adds what they send, in their order.
   *
   * @returns The sum of squares of the rows that this rank holds, for each table.
   */
  async send(
    communicator: Communicator,
    read: ReadonlyMap<Tensor, Float32Array>,
  ): Promise<Float32Array> {
    const returned = this.#returned;
    if (returned.length === 0) return new Float32Array();
    const own = returned.map(({ gradient, group, width }) =>
      gradient ? read.get(gradient)! : new Float32Array(group.ids.size * width)
    );
    const received = await communicator.exchange(
      Array.from({ length: communicator.size }, (_, k) =>
        concatenated(
          Float32Array,
          returned.map(({ group: { starts }, width }, i) =>
            own[i]!.subarray(starts[k]! * width, starts[k + 1]! * width)
          ),
        )),
    );
    const next = readerOf(received);
    this.#merged = returned.map(({ group: { asked }, width }) =>
      merge(asked, asked.map((rows, k) => next(k, rows.length * width)), width)
    );
    return Float32Array.from(this.#merged, ({ values }) => sumOfSquares(values));
  }

  /** Gives the tables their gradients; `squares` are summed over all ranks. */
  set(squares: Float32Array): void {
    const step = this.#step;
    this.#returned.forEach(({ table, width }, i) => {
      const { ids, values } = this.#merged[i]!;
      const merged = {
        kind: "sparse",
        ids: step.upload(ids),
        values: step.upload(values, [ids.length, width]),
        sumOfSquares: step.upload(squares.subarray(i, i + 1)),
      } as const;
      this.#sums.replace(table, { sparse: [], merged });
    });
  }
}

/** Adds rows that are rising in each of `asked`; one unused slot if there are none. */
function merge(
  asked: readonly Uint32Array[],
  values: readonly Float32Array[],
  width: number,
): ShardSum {
  const ids = distinct(asked);
  if (ids.length === 0) return { ids: Uint32Array.of(UNUSED), values: new Float32Array(width) };
  const sums = new Float32Array(ids.length * width);
  for (const [k, rows] of asked.entries()) {
    const theirs = values[k]!;
    let slot = 0;
    for (let i = 0; i < rows.length; i++) {
      while (ids[slot] !== rows[i]) slot++;
      for (let to = slot * width, from = i * width, end = from + width; from < end; from++, to++) {
        sums[to]! += theirs[from]!;
      }
    }
  }
  return { ids, values: sums };
}
