/** Sparse gradients: of the rows of an embedding or an output layer that a step used. */

import { expectPositive } from "../device/expect.ts";
import { Memo } from "../device/memo.ts";
import { forEachSlice } from "../device/parts.ts";
import { forParts, numbered } from "../device/for_parts.ts";
import { setsBound } from "../device/part_bindings.ts";
import { MAX_ROUNDS } from "../device/rounds.ts";
import { withVec } from "../device/vec.ts";
import mergeSource from "./merge_rows.wgsl" with { type: "text" };
import scatterSource from "./scatter_rows.wgsl" with { type: "text" };
import { type SortedIds, sortIds } from "./sort_ids.ts";
import { type Scope, tensorLike } from "../device/scope.ts";
import { expectIds, type Tensor } from "../device/tensor.ts";

/**
 * Gradient contributions to rows of a table [V, W]: to row `ids[p]`, for each p,
 * `coefficients[p] * values[floor(p / group)]` (coefficient 1 if there are none).
 */
export interface SparseGradient {
  /** The kind of gradient. */
  readonly kind: "sparse";
  /** [n] Row numbers, repeats allowed. */
  readonly ids: Tensor;
  /** [n / group, W] */
  readonly values: Tensor;
  /** [n] Factors: an outer product need not be stored. */
  readonly coefficients?: Tensor;
  /** Consecutive ids that share a row of `values`; 1 unless given. */
  readonly group?: number;
}

/** The number where there is no row: in an unused slot of a {@linkcode MergedGradient}, or no slot of a row. */
export const UNUSED = 0xffffffff;

/** A sparse gradient with each row once. */
export interface MergedGradient extends SparseGradient {
  /** [slots] Row numbers in rising order; 0xffffffff in unused slots. */
  readonly ids: Tensor;
  /** [slots, W] Sums; zero in unused slots. */
  readonly values: Tensor;
  /** [1] The sum of the squares over all ranks that have rows of the table; unless given, that of `values`. */
  readonly sumOfSquares?: Tensor;
  /** The values are the rows themselves. */
  readonly coefficients?: never;
  /** Each id has a row of its own. */
  readonly group?: never;
}

const mergeKernel = withVec(mergeSource), scatterKernel = withVec(scatterSource);

/** The kernel's entry points, and Vecs of a workgroup, as in merge_rows.wgsl. */
const ENTRIES = {
  software: { entry: "whole", vecs: 64 },
  hardware: { entry: "sliced", vecs: 32 },
} as const;

// A table and its bias have gradients with the same ids: sort them once a scope.
const sorted = new Memo<SortedIds>();

function sortedIds(scope: Scope, lists: readonly Tensor[], V: number): SortedIds {
  return sorted.get(scope, lists, [V], () => {
    const ids = sortIds(scope.gpu, lists, V);
    for (const tensor of [ids.unique, ids.starts, ids.positions]) scope.own(tensor);
    return ids;
  });
}

/** Throws unless it is a gradient of rows of a table [V, W]. */
function expectContribution(
  { ids, values, coefficients, group = 1 }: SparseGradient,
  V: number,
  W: number,
) {
  expectIds("backward", ids, V);
  expectPositive("run backward", "group", group);
  const fits = values.dtype === "f32" && values.size * group === ids.size * W &&
    (coefficients?.size ?? ids.size) === ids.size;
  if (fits) return;
  throw new TypeError(
    `Cannot run backward: ${values.dtype} [${values.shape}] is no gradient of ${ids.size} rows of ${W}`,
  );
}

/** Sums what `contributions` add to each row of `table`. */
export function mergeRows(
  scope: Scope,
  table: Tensor,
  contributions: readonly SparseGradient[],
): MergedGradient {
  const V = table.shape[0]!, W = table.size / V;
  for (const contribution of contributions) expectContribution(contribution, V, W);
  const { unique, starts, positions } = sortedIds(scope, contributions.map(({ ids }) => ids), V);
  const slots = unique.size, { gpu } = scope;
  const out = scope.tensor([slots, W]);
  const { source, vec } = mergeKernel(W), most = setsBound(gpu, 2, 3);
  const { entry, vecs } = ENTRIES[gpu.family];
  for (let at = 0, first = 0, end = 0; at < contributions.length; at += most, first = end) {
    const some = contributions.slice(at, at + most), ends = some.map(({ ids }) => end += ids.size);
    const launch = {
      label: "rows.sum",
      source: forParts(source, some.length),
      entry,
      constants: {
        HAVE_COEFFICIENTS: bitsOf(some.map(({ coefficients }) => coefficients !== undefined)),
        HAVE_GROUPS: bitsOf(some.map(({ group = 1 }) => group > 1)),
      },
      inputs: [
        ...[starts, positions],
        ...some.map(({ values }) => values),
        ...some.map(({ values, coefficients = values }) => coefficients),
      ],
      outputs: [out],
      grid: Math.ceil(slots * W / vec / vecs),
    };
    const uniform = {
      ...{ slots, W: W / vec, first, most: MAX_ROUNDS },
      ...numbered(ends, "end"),
      ...numbered(some.map(({ group = 1 }) => group), "group"),
    };
    // One id may have all positions: each launch takes as many as one loop may.
    for (let skip = 0; skip < positions.size; skip += MAX_ROUNDS) {
      gpu.dispatch({ ...launch, uniform: { ...uniform, skip, accumulate: at + skip > 0 ? 1 : 0 } });
    }
  }
  return { kind: "sparse", ids: unique, values: out };
}

/** A bit for each, the first one the lowest. */
function bitsOf(set: readonly boolean[]): number {
  return set.reduce((bits, one, i) => bits | Number(one) << i, 0);
}

/** The dense form [V, W] of `rows`, a gradient of `table`, added to a copy of `dense` if given. */
export function scatterRows(
  scope: Scope,
  rows: MergedGradient,
  table: Tensor,
  dense?: Tensor,
): Tensor {
  const out = tensorLike(scope, table);
  if (dense) scope.gpu.copy(dense, out);
  else scope.gpu.clear(out);
  addRows(scope, rows, out);
  return out;
}

/** Adds `rows` to `table` [V, W] in place. */
export function addRows(scope: Scope, rows: MergedGradient, table: Tensor): void {
  const slots = rows.ids.size, W = rows.values.size / slots;
  const { source, vec } = scatterKernel(W);
  forEachSlice([table], ([part], base) =>
    scope.gpu.dispatch({
      label: "rows.add",
      source,
      inputs: [rows.ids, rows.values],
      outputs: [part],
      uniform: { slots, W: W / vec, base, count: part.shape[0]! },
      grid: Math.ceil(slots * W / vec / 64),
    }));
}
