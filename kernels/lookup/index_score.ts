/** Scores of chosen classes, different ones for each row: the target, or noise drawn per word. */

import source from "./index_score.wgsl" with { type: "text" };
import inputSource from "./index_score_input.wgsl" with { type: "text" };
import type { Device } from "../device/device.ts";
import { isInParts } from "../device/parts.ts";
import { expectRounds } from "../device/rounds.ts";
import { expectTable } from "../device/tables.ts";
import { withVec } from "../device/vec.ts";
import type { Step } from "../autograd/step.ts";
import { expectFloats, expectIds, expectShape, type Tensor } from "../device/tensor.ts";
import { findRows } from "./find_rows.ts";
import { gatherInto } from "./gather.ts";

const inputKernel = withVec(inputSource);

/** The kernel's entry points for rows of whole fours, and threads of a score, as in index_score.wgsl. */
const ENTRIES = {
  software: { entry: "scores4", lanes: 1 },
  hardware: { entry: "shared4", lanes: 16 },
} as const;
const ONE_BY_ONE = { entry: "scores", lanes: 1 } as const;

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
    const choice = { table: rows!.table, bias: biases!.table, ids: rows!.ids };
    return scoresAt(step, x, { ...choice, biasIds: biases!.ids });
  }
  return scoresAt(step, x, { table, bias, ids, biasIds: ids });
}

/** Some rows of a table and of the biases, of which those that are gathered stand in the order of `ids`. */
interface Choice {
  readonly table: Tensor;
  readonly bias: Tensor;
  /** [N, K] Rows of the table. */
  readonly ids: Tensor;
  /** The same classes' biases: other numbers if they were fetched apart. */
  readonly biasIds: Tensor;
}

function scoresAt(step: Step, x: Tensor, choice: Choice): Tensor {
  const { table, bias, ids, biasIds } = choice;
  expectIds("indexScore", ids, table.shape[0]!);
  const [N, E] = [x.shape[0]!, x.shape[1]!];
  const K = ids.size / N, { gpu } = step;
  expectShape("indexScore", "x", x, [N, E]);
  expectShape("indexScore", "table", table, [table.shape[0]!, E], table.dtype);
  expectShape("indexScore", "ids", ids, [N, ...ids.shape.slice(1)], "u32");
  expectRounds("indexScore", gpu, "numbers of a row", E, E % 4 === 0 ? E / 4 : E);
  expectRounds("indexScore", gpu, "classes for a row", K, K);
  const { entry, lanes } = E % 4 > 0 ? ONE_BY_ONE : ENTRIES[gpu.family];
  const output = step.tensor(ids.shape);
  const gathers = { table: isGathered(table), bias: isGathered(bias) || biasIds !== ids };
  const eachChosen = chosenRows(step, choice, gathers);
  eachChosen([x, output], ([some, scores], { table, bias, ids }) =>
    gpu.dispatch({
      label: "indexScore",
      source,
      entry,
      constants: {
        TABLE_ROWS: Number(gathers.table),
        BIAS_ROWS: Number(gathers.bias),
      },
      inputs: [some!, table, bias, ids],
      readsRows: { tables: [table, bias], ids },
      outputs: [scores!],
      uniform: { N: some!.shape[0]!, E, K },
      grid: Math.ceil(scores!.size * lanes / 64),
    }));
  return step.record({
    name: "indexScore",
    inputs: [x, table, bias],
    output,
    backward: (dScores, takeSum) => {
      const dx = step.tensor(x.shape), before = takeSum(x), { source, vec } = inputKernel(E);
      eachChosen(
        [dScores, dx, before ?? dx],
        ([dSome, dRows, some], { table, ids }) =>
          gpu.dispatch({
            label: "indexScore.dinput",
            source,
            constants: { TABLE_ROWS: Number(gathers.table), ADDED: before ? 1 : 0 },
            inputs: [dSome!, table, ids, before ? some! : dSome!],
            readsRows: { tables: [table] },
            outputs: [dRows!],
            uniform: { N: dRows!.shape[0]!, E: E / vec, K },
            grid: Math.ceil(dRows!.size / vec / 64),
          }),
      );
      const kind = "sparse";
      const dTable = { kind, ids, values: x, coefficients: dScores, group: K } as const;
      return [dx, dTable, { kind, ids: biasIds, values: dScores }];
    },
  });
}

/** Whether the kernel cannot read a table's rows where they lie. */
function isGathered(table: Tensor): boolean {
  return isInParts(table) || table.dtype === "f16";
}

/** Which of a choice's tensors are gathered: then the kernel reads their rows in order, not by their ids. */
type Gathers = Readonly<Record<"table" | "bias", boolean>>;

/** Calls `use` with slices of `tensors` [N, ...] for as many rows at a time as the chosen ones are there for. */
type EachChosen = (
  tensors: readonly Tensor[],
  use: (slices: readonly Tensor[], chosen: Choice) => void,
) => void;

/** What fits at once is gathered once for both passes; else a slice at a time, in each. */
function chosenRows(step: Step, choice: Choice, gathers: Gathers): EachChosen {
  const { gpu } = step, { table, ids, biasIds } = choice;
  const N = ids.shape[0]!, rowBytes = 4 * ids.size / N * table.shape[1]!;
  const bytes = Math.min(GATHERED_BYTES, gpu.maxTensorBytes);
  const most = 64 * Math.max(1, Math.floor(bytes / rowBytes / 64)); // slices of 64 rows are aligned
  if (N <= most || !(gathers.table || gathers.bias)) {
    const all = gathered(gpu, choice, gathers, (tensor) => step.own(tensor));
    return (tensors, use) => use(tensors, all);
  }
  return (tensors, use) => {
    for (let first = 0; first < N; first += most) {
      using stack = new DisposableStack();
      const own = (tensor: Tensor) => stack.use(tensor);
      const slice = (tensor: Tensor) => own(tensor.slice(first, Math.min(most, N - first)));
      const some = { ...choice, ids: slice(ids), biasIds: slice(biasIds) };
      use(tensors.map(slice), gathered(gpu, some, gathers, own));
    }
  };
}

/** `own` takes what is gathered, to dispose of it. */
function gathered(
  gpu: Device,
  choice: Choice,
  gathers: Gathers,
  own: (tensor: Tensor) => Tensor,
): Choice {
  const { table, bias, ids, biasIds } = choice;
  const rowsOf = (all: Tensor, ids: Tensor) => {
    const rows = own(gpu.temporary([ids.size, ...all.shape.slice(1)]));
    gatherInto(gpu, rows, all, ids);
    return rows;
  };
  return {
    ...choice,
    table: gathers.table ? rowsOf(table, ids) : table,
    bias: gathers.bias ? rowsOf(bias, biasIds) : bias,
  };
}
