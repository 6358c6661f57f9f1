/** Exact softmax cross entropy whose scores are never stored beyond a tile. */

import source from "./cross_entropy.wgsl" with { type: "text" };
import { expectIds } from "./gather.ts";
import { matmulInto } from "./matmul.ts";
import { columnSums } from "./reduce.ts";
import type { Step } from "./step.ts";
import { expectShape, type Tensor } from "./tensor.ts";

/** Bytes of scores that exist at a time. */
const TILE_BYTES = 64 * 2 ** 20;
/** Tiles begin at multiples of this, so that they can be bound (256 bytes of bias). */
const TILE_STEP = 64;
/** Classes of a tile that one thread sums: llvmpipe ends a thread's loops after 65,535 rounds. */
const LANE_CLASSES = 2 ** 14;

/** Classes in a tile of scores of `rows` rows, each summed by `lanes` threads. */
function tileWidth(rows: number, classes: number, lanes: number): number {
  const fitting = Math.floor(TILE_BYTES / 4 / rows / TILE_STEP) * TILE_STEP;
  if (fitting === 0) {
    const most = TILE_BYTES / 4 / TILE_STEP;
    throw new RangeError(`Cannot run crossEntropy on ${rows} rows: at most ${most} fit a tile`);
  }
  return Math.min(classes, fitting, lanes * LANE_CLASSES);
}

/**
 * `loss[n] = ln sum over v of exp(s[n, v]) - s[n, target[n]]` with `s = x weight^T + bias`.
 *
 * Shapes: x [N, E], weight [V, E], bias [V], target [N] ids; the result is [N]. At most 64 MiB of the
 * N x V scores exist at a time: more are computed in tiles of classes, and again in the backward pass.
 */
export function crossEntropy(
  step: Step,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  target: Tensor,
): Tensor {
  const [rows, width] = [x.shape[0]!, x.shape[1]!], classes = weight.shape[0]!;
  expectIds("crossEntropy", target, weight);
  expectShape("crossEntropy", "weight", weight, [classes, width]);
  expectShape("crossEntropy", "bias", bias, [classes]);
  expectShape("crossEntropy", "target", target, [rows], "u32");
  const { gpu } = step;
  const tile = tileWidth(rows, classes, gpu.rowLanes);
  const state = step.tensor([rows, 3]), output = step.tensor([rows]);

  const scoresOf = (first: number, count: number) => {
    const scores = gpu.temporary([rows, count]);
    using tileWeight = weight.rows(first, count);
    using tileBias = bias.rows(first, count);
    matmulInto(gpu, scores, x, tileWeight, { transposeB: true, bias: tileBias });
    return scores;
  };
  const launch = (
    entry: string,
    inputs: Tensor[],
    outputs: Tensor[],
    first: number,
    count: number,
    grid: number,
  ) =>
    gpu.dispatch({
      label: `crossEntropy.${entry}`,
      source,
      entry,
      constants: { LANES: gpu.rowLanes },
      inputs,
      outputs,
      uniform: { rows, width: count, first },
      grid,
    });

  const needsGradient = step.needsGradient(x, weight, bias);
  let kept: Tensor | undefined;
  for (let first = 0; first < classes; first += tile) {
    const count = Math.min(tile, classes - first);
    const scores = scoresOf(first, count);
    launch("accumulate", [scores, target], [state], first, count, rows);
    if (needsGradient && tile === classes) kept = step.own(scores);
    else scores.dispose();
  }
  launch("finish", [], [state, output], 0, 0, Math.ceil(rows / 64));

  return step.record({
    name: "crossEntropy",
    inputs: [x, weight, bias],
    output,
    backward: (dLoss) => {
      const dx = step.tensor(x.shape), dWeight = step.tensor(weight.shape);
      const dBias = step.tensor(bias.shape);
      for (let first = 0; first < classes; first += tile) {
        const count = Math.min(tile, classes - first);
        const dScores = kept ?? scoresOf(first, count);
        const grid = Math.ceil(rows * count / 64);
        launch("gradient", [dLoss, target, state], [dScores], first, count, grid);
        using tileWeight = weight.rows(first, count);
        using dTileWeight = dWeight.rows(first, count);
        using dTileBias = dBias.rows(first, count);
        matmulInto(gpu, dx, dScores, tileWeight, { accumulate: first > 0 });
        matmulInto(gpu, dTileWeight, dScores, x, { transposeA: true });
        columnSums(gpu, dTileBias, dScores);
        if (!kept) dScores.dispose();
      }
      return [dx, dWeight, dBias];
    },
  });
}
