/** The part of a batch that one of several ranks computes, and the numbers of its rows in the whole batch. */

import { expectInteger, expectObject, expectPositive, MAX_WORD, show } from "../device/expect.ts";
import { withFields } from "../device/pipelines.ts";
import { shareOf } from "../device/shard.ts";
import wholeRow from "./_part.wgsl" with { type: "text" };

/**
 * A rank's part of a batch whose rows are T time steps of B columns: the columns rank, rank + ranks, ...
 * Random numbers and noise are those of the whole batch, so that the parts add up to it.
 *
 * A rank of a batch with fewer columns than ranks may have none. It then computes one column that does not
 * count, whose rows have weight 0.
 */
export interface BatchPart {
  /** T, the number of time steps. */
  readonly steps: number;
  /** B, the number of columns of the whole batch. */
  readonly columns: number;
  /** The number of this rank, from 0. */
  readonly rank: number;
  /** The number of ranks. */
  readonly ranks: number;
  /** [T * B] The targets of the whole batch; noise that comes from the batch needs them. */
  readonly targets?: Uint32Array;
}

/** Throws a RangeError or a TypeError unless `part` is a part. */
export function expectPart(doing: string, part: BatchPart): void {
  expectObject(doing, "part", part, "a part of a batch");
  const { steps, columns, rank, ranks, targets } = part;
  for (const [name, size] of Object.entries({ steps, columns, ranks })) {
    expectPositive(doing, name, size);
  }
  expectInteger(doing, "rank", rank, Math.min(MAX_WORD, ranks - 1));
  if (targets === undefined) return;
  if (!(targets instanceof Uint32Array)) {
    throw new TypeError(`Cannot ${doing}: targets are ${show(targets)}, not a Uint32Array`);
  }
  if (targets.length === steps * columns) return;
  throw new TypeError(
    `Cannot ${doing}: the whole batch has ${targets.length} targets, expected ${steps * columns}`,
  );
}

/** The number of columns that the rank has; 0 if there are fewer columns than ranks. */
export function ownColumns(part: Omit<BatchPart, "steps" | "targets">): number {
  return shareOf(part.columns, part);
}

/** The number of rows in the whole batch, of which `rows` are computed here. */
export function wholeRows(part: BatchPart | undefined, rows: number): number {
  return part ? part.steps * part.columns : rows;
}

/** Elements of each row of a tensor of `size` elements that has the rows of the part; 1 without a part. */
export function rowWidth(op: string, part: BatchPart | undefined, size: number): number {
  if (!part) return 1;
  const rows = part.steps * Math.max(1, ownColumns(part));
  if (size % rows === 0) return size / rows;
  throw new TypeError(
    `Cannot run ${op}: ${size} elements are not the same number for each of the part's ${rows} rows`,
  );
}

/** The constants and the uniform's fields of a kernel that calls `whole_row`. */
export function partLaunch(
  part: BatchPart | undefined,
): { constants: Record<string, number>; uniform: Record<string, number> } {
  const { columns = 1, rank = 0, ranks = 1 } = part ?? {};
  const own_columns = Math.max(1, ownColumns({ columns, rank, ranks }));
  return {
    constants: { RANKED: part ? 1 : 0 },
    uniform: { own_columns, columns, rank, ranks },
  };
}

/** WGSL of a kernel that calls `whole_row`: `source` with that function, whose fields are added to its Params. */
export function withPart(source: string): string {
  return wholeRow + withFields(source, Object.keys(partLaunch(undefined).uniform), "u32");
}
