/** The scorer of a linear output layer; the gradient of a large weight is never held whole. */

import { sumOf } from "../accumulate/add.ts";
import { type EachTile, SCORE_LIMITS, type TileGradient, type TileScorer } from "./class_tiles.ts";
import { crossEntropyOf } from "./cross_entropy.ts";
import { expectPositive } from "../device/expect.ts";
import { partEdges } from "../device/parts.ts";
import { tensorLike } from "../device/scope.ts";
import { matmulInto } from "../matmul/matmul.ts";
import { weightGradients } from "../matmul/weight_gradients.ts";
import { weightedSum } from "../elementwise/reduce.ts";
import type { Step } from "../autograd/step.ts";
import { expectTable } from "../device/tables.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";
import { floatRows } from "../elementwise/halves.ts";
import type { TiledGradient } from "../autograd/tiled_gradient.ts";

/**
 * The scorer `x weight^T + bias`: x [N, E], weight [V, E], bias [V].
 *
 * At most `heldBytes` of scores exist at a time, and the gradient of a larger weight is tiled: 64 MiB unless
 * given, and on GPUs 512 MiB or what one tensor can have. Unless it is given, 512 MiB of scores are kept
 * for the backward pass where the gradient is whole.
 */
export function linearScorer(
  step: Step,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  heldBytes?: number,
): TileScorer {
  return scorerOf("linearScorer", step, { x, weight, bias }, heldBytes);
}

interface Layer {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/** {@linkcode linearScorer} for the operation `op`. */
function scorerOf(
  op: string,
  step: Step,
  { x, weight, bias }: Layer,
  heldBytes: number | undefined,
): TileScorer {
  expectFloats(op, step, { x, bias });
  expectTable(op, step, weight, "weight");
  const [N, E] = [x.shape[0]!, x.shape[1]!], V = weight.shape[0]!;
  expectShape(op, "x", x, [N, E]);
  expectShape(op, "weight", weight, [V, E], weight.dtype);
  expectShape(op, "bias", bias, [V]);
  const { gpu } = step, held = heldBytes === undefined ? gpu.heldBytes : heldBytes;
  expectPositive(`run ${op}`, "heldBytes", held);
  const tiled = 4 * weight.size > held;
  return {
    rows: N,
    classes: V,
    edges: partEdges(weight, bias),
    floatsPerClass: E,
    heldBytes: held,
    ...(heldBytes === undefined && !tiled && { keptBytes: SCORE_LIMITS.keptBytes }),
    // Larger ones gain nothing.
    tileBytes: Math.min(held, SCORE_LIMITS.heldBytes) / (gpu.family === "software" ? 4 : 1),
    inputs: [x, weight, bias],
    scores(first, count) {
      const scores = gpu.temporary([N, count]);
      using tileWeight = floatRows(gpu, weight, first, count);
      using tileBias = bias.slice(first, count);
      matmulInto(gpu, scores, x, tileWeight, { transposeB: true, bias: tileBias });
      return scores;
    },
    backward(eachTile) {
      return gradientOf(step, { x, weight, bias }, eachTile, tiled);
    },
  };
}

/** The gradients of a linear scorer; that of the weight is held whole unless it is `tiled`. */
function gradientOf(
  step: Step,
  { x, weight, bias }: Layer,
  eachTile: EachTile,
  tiled: boolean,
): TileGradient {
  const { gpu } = step, dx = step.tensor(x.shape), dBias = tensorLike(step, bias);
  const dWeight = tiled ? undefined : tensorLike(step, weight);
  let sumOfSquares: Tensor | undefined;
  /** [count, E] The gradient of a tile of the weight, and of the bias if given; the caller disposes of it. */
  const weightGradient = (first: number, count: number, dScores: Tensor, dTileBias?: Tensor) => {
    const dTile = dWeight?.slice(first, count) ?? gpu.temporary([count, x.shape[1]!]);
    weightGradients(gpu, [{ dOut: dScores, x, dWeight: dTile, dBias: dTileBias }]);
    return dTile;
  };
  return {
    add(first, count, dScores) {
      using tileWeight = floatRows(gpu, weight, first, count);
      using dTileBias = dBias.slice(first, count);
      matmulInto(gpu, dx, dScores, tileWeight, { accumulate: first > 0 });
      using dTile = weightGradient(first, count, dScores, dTileBias);
      if (dWeight) return;
      const squares = weightedSum(step, dTile, dTile);
      sumOfSquares = sumOfSquares ? sumOf(step, sumOfSquares, squares) : squares;
    },
    finish() {
      const forEach: TiledGradient["forEach"] = (use) =>
        eachTile((first, count, dScores) => {
          using dTile = weightGradient(first, count, dScores);
          use(first, dTile);
        });
      return [dx, dWeight ?? { kind: "tiled", sumOfSquares: sumOfSquares!, forEach }, dBias];
    },
  };
}

/**
 * `loss[n] = ln sum over v of exp(s[n, v]) - s[n, target[n]]` with `s = x weight^T + bias`.
 *
 * Shapes: x [N, E], weight [V, E], bias [V], target [N] ids; the result is [N]. {@linkcode linearScorer}
 * explains `heldBytes`, `tiledCrossEntropy` how they are used.
 */
export function crossEntropy(
  step: Step,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  target: Tensor,
  heldBytes?: number,
): Tensor {
  const op = "crossEntropy", scorer = scorerOf(op, step, { x, weight, bias }, heldBytes);
  return crossEntropyOf(op, step, scorer, target).loss;
}
