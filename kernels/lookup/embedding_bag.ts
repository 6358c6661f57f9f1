/** Weighted sums of a table's rows, such as the mean of what a user has bought, with a sparse gradient. */

import type { Step } from "../autograd/step.ts";
import { isInParts } from "../device/parts.ts";
import { expectRounds } from "../device/rounds.ts";
import { expectTable } from "../device/tables.ts";
import { expectFloats, expectIds, expectShape, type Tensor } from "../device/tensor.ts";
import { withVec } from "../device/vec.ts";
import { findRows } from "./find_rows.ts";
import { gatherInto } from "./gather.ts";
import source from "./index_score_input.wgsl" with { type: "text" };

const kernel = withVec(source);

/**
 * `out[n] = sum over h of weights[n, h] * table[ids[n, h]]`: with weights 1/H a mean. A row of fewer ids is filled up
 * with any id at weight 0.
 *
 * Shapes: table [V, E], ids and weights [N, H]; the result is [N, E]. The weights are constants. Rows of a table that
 * lies in several buffers, or has 16-bit floats, are gathered first, all N H of them.
 *
 * @throws {RangeError} If an id may not be below V, or the device cannot hold the gathered rows.
 * @throws {TypeError} If a gradient is wanted of the weights, or a divided table's rows have not been fetched.
 */
export function embeddingBag(step: Step, table: Tensor, ids: Tensor, weights: Tensor): Tensor {
  expectTable("embeddingBag", step, table);
  if (table.shard) {
    const { table: rows, ids: places } = findRows("embeddingBag", step, table, ids);
    return embeddingBag(step, rows, places, weights);
  }
  expectIds("embeddingBag", ids, table.shape[0]!);
  expectFloats("embeddingBag", step, { weights });
  const { gpu } = step, [N, H, E] = [ids.shape[0]!, ids.shape[1]!, table.shape[1]!];
  expectShape("embeddingBag", "table", table, [table.shape[0]!, E], table.dtype);
  expectShape("embeddingBag", "ids", ids, [N, H], "u32");
  expectShape("embeddingBag", "weights", weights, [N, H]);
  expectRounds("embeddingBag", gpu, "ids of a row", H, H);
  if (step.needsGradient(weights)) {
    throw new TypeError(
      "Cannot run embeddingBag: weights get no gradient; score with indexScore()",
    );
  }
  const output = step.tensor([N, E]), { source, vec } = kernel(E);
  const gathers = isInParts(table) || table.dtype === "f16";
  using gathered = gathers ? gpu.temporary([N * H, E]) : undefined;
  if (gathered) gatherInto(gpu, gathered, table, ids);
  gpu.dispatch({
    label: "embeddingBag",
    source,
    constants: { TABLE_ROWS: Number(gathers) },
    inputs: [weights, gathered ?? table, ids, weights],
    ...(!gathers && { readsRows: { tables: [table], ids } }), // else the rows have been brought up to date
    outputs: [output],
    uniform: { N, E: E / vec, K: H },
    grid: Math.ceil(output.size / vec / 64),
  });
  return step.record({
    name: "embeddingBag",
    inputs: [table],
    output,
    backward: (dOut) => [{ kind: "sparse", ids, values: dOut, coefficients: weights, group: H }],
  });
}
