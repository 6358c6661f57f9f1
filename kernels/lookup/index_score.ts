/** Scores of chosen classes, different ones for each row: the target, or noise drawn per word. */

import source from "./index_score.wgsl" with { type: "text" };
import type { Step } from "../autograd/step.ts";
import { expectFloats, expectIds, expectShape, type Tensor } from "../device/tensor.ts";

/**
 * `score[n, k] = bias[ids[n, k]] + x[n] . table[ids[n, k]]`, without storing the gathered rows.
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
  expectFloats("indexScore", step, { x, table, bias });
  expectIds("indexScore", ids, table.shape[0]!);
  const [N, E] = [x.shape[0]!, x.shape[1]!];
  const K = ids.size / N;
  expectShape("indexScore", "x", x, [N, E]);
  expectShape("indexScore", "table", table, [table.shape[0]!, E]);
  expectShape("indexScore", "bias", bias, [table.shape[0]!]);
  expectShape("indexScore", "ids", ids, [N, ...ids.shape.slice(1)], "u32");
  const uniform = { N, E, K };
  const output = step.tensor(ids.shape);
  step.gpu.dispatch({
    label: "indexScore",
    source,
    entry: E % 4 === 0 ? "scores4" : "scores",
    inputs: [x, table, bias, ids],
    readsRows: ids,
    outputs: [output],
    uniform,
    grid: Math.ceil(output.size / 64),
  });
  return step.record({
    name: "indexScore",
    inputs: [x, table, bias],
    output,
    backward: (dScores) => {
      const dx = step.tensor(x.shape);
      step.gpu.dispatch({
        label: "indexScore.dinput",
        source,
        entry: "dinput",
        inputs: [dScores, table, ids],
        readsRows: "caught-up",
        outputs: [dx],
        uniform,
        grid: Math.ceil(dx.size / 64),
      });
      const kind = "sparse";
      const dTable = { kind, ids, values: x, coefficients: dScores, group: K } as const;
      return [dx, dTable, { kind, ids, values: dScores }];
    },
  });
}
