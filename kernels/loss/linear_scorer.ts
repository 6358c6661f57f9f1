/** Exact cross entropy of a linear output layer; the gradient of a large weight is never held whole. */

import { sumOf } from "../accumulate/add.ts";
import { type EachTile, HELD_BYTES, type TileGradient, type TileScorer } from "./class_tiles.ts";
import { tiledCrossEntropy } from "./cross_entropy.ts";
import { expectPositive } from "../device/expect.ts";
import { partEdges } from "../device/parts.ts";
import { tensorLike } from "../device/scope.ts";
import type { Gradient } from "../autograd/gradients.ts";
import { matmulInto } from "../matmul/matmul.ts";
import { weightGradients } from "../matmul/weight_gradients.ts";
import { weightedSum } from "../elementwise/reduce.ts";
import type { Step } from "../autograd/step.ts";
import { expectTable } from "../device/tables.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";
import { floatRows } from "../elementwise/halves.ts";
import type { TiledGradient } from "../autograd/tiled_gradient.ts";

/** Computing scores again for the backward pass is a fourth product. */
const KEPT_BYTES = 512 * 2 ** 20;

/**
 * The scorer `x weight^T + bias`: x [N, E], weight [V, E], bias [V].
 *
 * At most `heldBytes` of scores exist at a time, and the gradient of a larger weight is tiled: 64 MiB unless
 * given, and on GPUs 512 MiB or what one tensor can have. Unless it is given, 512 MiB of scores are kept.
 */
export function linearScorer(
  step: Step,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  heldBytes?: number,
): TileScorer {
  expectFloats("crossEntropy", step, { x, bias });
  expectTable("crossEntropy", step, weight, "weight");
  const [N, E] = [x.shape[0]!, x.shape[1]!], V = weight.shape[0]!;
  expectShape("crossEntropy", "x", x, [N, E]);
  expectShape("crossEntropy", "weight", weight, [V, E], weight.dtype);
  expectShape("crossEntropy", "bias", bias, [V]);
  const { gpu } = step, held = heldBytes === undefined ? gpu.heldBytes : heldBytes;
  expectPositive("run crossEntropy", "heldBytes", held);
  return {
    rows: N,
    classes: V,
    edges: partEdges(weight, bias),
    floatsPerClass: E,
    heldBytes: held,
    ...(heldBytes === undefined && { keptBytes: KEPT_BYTES }),
    // Larger ones gain nothing.
    tileBytes: Math.min(held, HELD_BYTES) / (gpu.family === "software" ? 4 : 1),
    inputs: [x, weight, bias],
    scores(first, count) {
      const scores = gpu.temporary([N, count]);
      using tileWeight = floatRows(gpu, weight, first, count);
      using tileBias = bias.slice(first, count);
      matmulInto(gpu, scores, x, tileWeight, { transposeB: true, bias: tileBias });
      return scores;
    },
    backward(eachTile) {
      return new LinearGradient(step, { x, weight, bias }, eachTile, 4 * weight.size > held);
    },
  };
}

/** The gradients of a linear scorer; that of the weight is held whole unless it is `tiled`. */
class LinearGradient implements TileGradient {
  readonly #step: Step;
  readonly #x: Tensor;
  readonly #weight: Tensor;
  readonly #dx: Tensor;
  readonly #dBias: Tensor;
  readonly #dWeight: Tensor | undefined;
  readonly #eachTile: EachTile;
  #sumOfSquares: Tensor | undefined;

  constructor(
    step: Step,
    { x, weight, bias }: Readonly<Record<"x" | "weight" | "bias", Tensor>>,
    eachTile: EachTile,
    tiled: boolean,
  ) {
    this.#step = step;
    this.#x = x;
    this.#weight = weight;
    this.#dx = step.tensor(x.shape);
    this.#dBias = tensorLike(step, bias);
    this.#dWeight = tiled ? undefined : tensorLike(step, weight);
    this.#eachTile = eachTile;
  }

  add(first: number, count: number, dScores: Tensor): void {
    const step = this.#step, { gpu } = step;
    using tileWeight = floatRows(gpu, this.#weight, first, count);
    using dTileBias = this.#dBias.slice(first, count);
    matmulInto(gpu, this.#dx, dScores, tileWeight, { accumulate: first > 0 });
    using dTileWeight = this.#weightGradient(first, count, dScores, dTileBias);
    if (this.#dWeight) return;
    const squares = weightedSum(step, dTileWeight, dTileWeight), before = this.#sumOfSquares;
    this.#sumOfSquares = before ? sumOf(step, before, squares) : squares;
  }

  finish(): Gradient[] {
    return [this.#dx, this.#dWeight ?? this.#tiledWeight(), this.#dBias];
  }

  #tiledWeight(): TiledGradient {
    return {
      kind: "tiled",
      sumOfSquares: this.#sumOfSquares!,
      forEach: (use) =>
        this.#eachTile((first, count, dScores) => {
          using dTileWeight = this.#weightGradient(first, count, dScores);
          use(first, dTileWeight);
        }),
    };
  }

  /** [count, E] The gradient of a tile of the weight, and of the bias if given; the caller disposes of it. */
  #weightGradient(first: number, count: number, dScores: Tensor, dBias?: Tensor): Tensor {
    const { gpu } = this.#step, x = this.#x;
    const dWeight = this.#dWeight?.slice(first, count) ?? gpu.temporary([count, x.shape[1]!]);
    weightGradients(gpu, [{ dOut: dScores, x, dWeight, dBias }]);
    return dWeight;
  }
}

/**
 * `loss[n] = ln sum over v of exp(s[n, v]) - s[n, target[n]]` with `s = x weight^T + bias`.
 *
 * Shapes: x [N, E], weight [V, E], bias [V], target [N] ids; the result is [N]. {@linkcode linearScorer}
 * explains `heldBytes`, {@linkcode tiledCrossEntropy} how they are used.
 */
export function crossEntropy(
  step: Step,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  target: Tensor,
  heldBytes?: number,
): Tensor {
  return tiledCrossEntropy(step, linearScorer(step, x, weight, bias, heldBytes), target).loss;
}
