/** Scores of chosen classes, different ones for each row: the target, or noise drawn per word. */

import source from "./index_score.wgsl" with { type: "text" };
import inputSource from "./index_score_input.wgsl" with { type: "text" };
import { isInParts } from "../device/parts.ts";
import { expectRounds } from "../device/rounds.ts";
import { expectTable } from "../device/tables.ts";
import { withVec } from "../device/vec.ts";
import type { Step } from "../autograd/step.ts";
import { expectFloats, expectIds, expectShape, type Tensor } from "../device/tensor.ts";
import { findRows } from "./find_rows.ts";
import { gatherInto } from "./gather.ts";

const inputKernel = withVec(inputSource);

/** Bytes of a table's rows that are gathered at a time. */
const GATHERED_BYTES = 64 * 2 ** 20;

/**
 * `score[n, k] = bias[ids[n, k]] + x[n] . table[ids[n, k]]`. Only rows of a table that lies in several buffers,
 * or has 16-bit floats, are gathered, at most 64 MiB at a time.
 *
 * Shapes: x [N, E], table [V, E], bias [V], ids [N, K] or [N]; the result has the shape of `ids`.
 * Gradients of `table` and `bias` are sparse.
 */
export function indexScore(
  step: Step,
  x: Tensor,
  table: Tensor,
  bias: Tensor,
  ids: Tensor,
): Tensor {
  expectFloats("indexScore", step, { x, bias });
  expectTable("indexScore", step, table);
  expectShape("indexScore", "bias", bias, [table.shape[0]!]);
  if (table.shard || bias.shard) {
    const [rows, biases] = [table, bias].map((all) => findRows("indexScore", step, all, ids));
    return scoresAt(step, x, rows!.table, biases!.table, rows!.ids, biases!.ids);
  }
  return scoresAt(step, x, table, bias, ids, ids);
}

/** The scores of the rows `ids` of `table` and `biasIds` of `bias`: two numbers of a class if they were fetched apart. */
function scoresAt(
  step: Step,
  x: Tensor,
  table: Tensor,
  bias: Tensor,
  ids: Tensor,
  biasIds: Tensor,
): Tensor {
  expectIds("indexScore", ids, table.shape[0]!);
  const [N, E] = [x.shape[0]!, x.shape[1]!];
  const K = ids.size / N, { gpu } = step;
  expectShape("indexScore", "x", x, [N, E]);
  expectShape("indexScore", "table", table, [table.shape[0]!, E], table.dtype);
  expectShape("indexScore", "ids", ids, [N, ...ids.shape.slice(1)], "u32");
  expectRounds("indexScore", gpu, "numbers of a row", E, E % 4 === 0 ? E / 4 : E);
  expectRounds("indexScore", gpu, "classes for a row", K, K);
  const output = step.tensor(ids.shape);
  const eachChosen = chosenRows(step, table, bias, ids, biasIds);
  eachChosen([x, output], ([some, scores], { table, bias, ids, constants }) =>
    gpu.dispatch({
      label: "indexScore",
      source,
      entry: E % 4 === 0 ? "scores4" : "scores",
      constants,
      inputs: [some!, table, bias, ids],
      readsRows: { tables: [table, bias], ids },
      outputs: [scores!],
      uniform: { N: some!.shape[0]!, E, K },
      grid: Math.ceil(scores!.size / 64),
    }));
  return step.record({
    name: "indexScore",
    inputs: [x, table, bias],
    output,
    backward: (dScores, takeSum) => {
      const dx = step.tensor(x.shape), before = takeSum(x), { source, vec } = inputKernel(E);
      eachChosen([dScores, dx, before ?? dx], ([dSome, dRows, some], chosen) => {
        const { table, ids, constants } = chosen;
        gpu.dispatch({
          label: "indexScore.dinput",
          source,
          constants: { TABLE_ROWS: constants.TABLE_ROWS, ADDED: before ? 1 : 0 },
          inputs: [dSome!, table, ids, before ? some! : dSome!],
          readsRows: { tables: [table] },
          outputs: [dRows!],
          uniform: { N: dRows!.shape[0]!, E: E / vec, K },
          grid: Math.ceil(dRows!.size / vec / 64),
        });
      });
      const kind = "sparse";
      const dTable = { kind, ids, values: x, coefficients: dScores, group: K } as const;
      return [dx, dTable, { kind, ids: biasIds, values: dScores }];
    },
  });
}

/** What some of the N rows are scored by. */
interface Chosen {
  readonly table: Tensor;
  readonly bias: Tensor;
  /** [rows, K] */
  readonly ids: Tensor;
  /** Which of the first two are not whole, but hold the rows of `ids`. */
  readonly constants: Readonly<Record<"TABLE_ROWS" | "BIAS_ROWS", 0 | 1>>;
}

/** Calls `use` with slices of `tensors` [N, ...] for as many rows at a time as the chosen ones are there for. */
type EachChosen = (
  tensors: readonly Tensor[],
  use: (slices: readonly Tensor[], chosen: Chosen) => void,
) => void;

/** Whether the kernel cannot read a table's rows where they lie. */
function isGathered(table: Tensor): boolean {
  return isInParts(table) || table.dtype === "f16";
}

function chosenRows(
  step: Step,
  table: Tensor,
  bias: Tensor,
  ids: Tensor,
  biasIds: Tensor,
): EachChosen {
  const { gpu } = step, N = ids.shape[0]!, K = ids.size / N;
  const TABLE_ROWS = isGathered(table) ? 1 : 0;
  const BIAS_ROWS = isGathered(bias) || biasIds !== ids ? 1 : 0;
  const constants = { TABLE_ROWS, BIAS_ROWS } as const;
  /** `at`: some of the rows of ids. */
  const gathered = (at: (ids: Tensor) => Tensor, own: (tensor: Tensor) => Tensor): Chosen => {
    const rowsOf = (all: Tensor, ids: Tensor) => {
      const out = own(gpu.temporary([ids.size, ...all.shape.slice(1)]));
      gatherInto(gpu, out, all, ids);
      return out;
    };
    const some = at(ids);
    return {
      table: TABLE_ROWS ? rowsOf(table, some) : table,
      bias: BIAS_ROWS ? rowsOf(bias, at(biasIds)) : bias,
      ids: some,
      constants,
    };
  };
  const bytes = Math.min(GATHERED_BYTES, gpu.maxTensorBytes), rowBytes = 4 * K * table.shape[1]!;
  const most = 64 * Math.max(1, Math.floor(bytes / rowBytes / 64)); // slices of 64 rows are aligned
  if (N <= most || TABLE_ROWS + BIAS_ROWS === 0) {
    const all = gathered((ids) => ids, (tensor) => step.own(tensor));
    return (tensors, use) => use(tensors, all);
  }
  return (tensors, use) => {
    for (let first = 0; first < N; first += most) {
      using stack = new DisposableStack();
      const slice = (tensor: Tensor) => stack.use(tensor.slice(first, Math.min(most, N - first)));
      use(tensors.map(slice), gathered(slice, (tensor) => stack.use(tensor)));
    }
  };
}
