/** Rows of divided tables that a step has fetched, and where each id's row stands among them. */

import source from "./find_rows.wgsl" with { type: "text" };
import type { Step } from "../autograd/step.ts";
import { Memo } from "../device/memo.ts";
import { expectIds, type Tensor } from "../device/tensor.ts";

/** Rows of tables that are divided alike. */
export interface Fetched {
  /** [m] The ids of the rows: by the rank that holds them, then rising. */
  readonly ids: Tensor;
  /** The number of ranks. */
  readonly ranks: number;
  /** By table its rows [m + 1, ...]: the last is NaN, for an id that was not fetched. */
  readonly tables: ReadonlyMap<Tensor, Tensor>;
  /** The first row of each rank, and m behind them. */
  readonly starts: readonly number[];
  /** Which rows of this rank's shard each rank has fetched, rising. */
  readonly asked: readonly Uint32Array[];
}

/** What steps have fetched. */
export const fetchedBy = new WeakMap<Step, readonly Fetched[]>();
const places = new Memo<Tensor>();

/**
 * The fetched rows of a divided `table`, and where those of `ids` stand in them, in the shape of `ids`.
 *
 * @throws {RangeError} If an id may not be below V.
 * @throws {TypeError} If the step has fetched no rows of the table.
 */
export function findRows(
  op: string,
  step: Step,
  table: Tensor,
  ids: Tensor,
): { table: Tensor; ids: Tensor } {
  expectIds(op, ids, table.shard!.rows);
  const group = fetchedBy.get(step)?.find(({ tables }) => tables.has(table));
  if (!group) {
    const { rows } = table.shard!;
    throw new TypeError(
      `Cannot run ${op}: [${table.shape}] is a part of a table of ${rows} rows, which fetchRows() ` +
        "has to fetch first",
    );
  }
  return { table: group.tables.get(table)!, ids: placesOf(step, group, ids) };
}

/** Where the rows of `ids` stand, found once a step: tables of a group then have gradients with the same ids. */
function placesOf(step: Step, group: Fetched, ids: Tensor): Tensor {
  return places.get(group, [ids], [], () => {
    const n = ids.size, m = group.ids.size, out = step.tensor(ids.shape, "u32");
    step.gpu.dispatch({
      label: "findRows",
      source,
      inputs: [ids, group.ids],
      outputs: [out],
      uniform: { n, m, ranks: group.ranks },
      grid: Math.ceil(n / 64),
    });
    out.idLimit = m + 1;
    return out;
  });
}
