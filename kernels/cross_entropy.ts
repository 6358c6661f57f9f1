/** Exact softmax cross entropy whose scores are never stored beyond a tile. */

import crossEntropySource from "./cross_entropy.wgsl" with { type: "text" };
import { expectIds } from "./gather.ts";
import { laned } from "./lanes.ts";
import type { Gpu } from "./gpu.ts";
import { matmulInto, readsTexels } from "./matmul.ts";
import { columnSums } from "./reduce.ts";
import type { InputGradient, Step } from "./step.ts";
import { expectShape, type Tensor } from "./tensor.ts";

const kernel = laned(crossEntropySource);

/** Bytes of scores that exist at a time. */
const SCORE_BYTES = 64 * 2 ** 20;
/** Tiles begin at multiples of this, so that they can be bound (256 bytes of bias). */
const TILE_STEP = 64;
/** Classes of a tile that one thread sums: llvmpipe ends a thread's loops after 65,535 rounds. */
const LANE_CLASSES = 2 ** 14;

/** Scores of a tile at most; products that read texels need a copy of them. */
function tileFloats(gpu: Gpu): number {
  return SCORE_BYTES / 4 / (readsTexels(gpu) ? 2 : 1);
}

/** Classes in a tile of scores, each row summed by `gpu.rowLanes` threads. */
function tileWidth(gpu: Gpu, { rows, classes, floatsPerClass = 0 }: TileScorer): number {
  const floats = Math.max(rows, floatsPerClass), most = SCORE_BYTES / 4 / TILE_STEP;
  const fitting = Math.max(1, Math.floor(tileFloats(gpu) / floats / TILE_STEP)) * TILE_STEP;
  if (floats > most) {
    throw new RangeError(`Cannot run crossEntropy on ${rows} rows: at most ${most} fit a tile`);
  }
  // Rows of a multiple of four floats are loaded as vectors: an odd rest goes into a tile of its own.
  const whole = classes % 4 === 0 || classes < TILE_STEP ? classes : classes - classes % TILE_STEP;
  return Math.min(whole, fitting, gpu.rowLanes * LANE_CLASSES);
}

/** A scorer of all classes, a tile of them at a time. */
export interface TileScorer {
  /** N, the number of rows. */
  readonly rows: number;
  /** V, the number of classes. */
  readonly classes: number;
  /** Floats that scoring a class takes besides its N scores; a tile of them is bounded alike. */
  readonly floatsPerClass?: number;
  /** What gradients flow to. */
  readonly inputs: readonly Tensor[];
  /** Scores [N, count] of the classes from `first` on, in a tensor for the caller to dispose of. */
  scores(first: number, count: number): Tensor;
  /** Begins a backward pass. */
  backward(): TileGradient;
}

/** The gradients of a {@linkcode TileScorer}, gathered a tile at a time. */
export interface TileGradient {
  /** Adds what comes of the tile from `first` on, whose scores have the gradient `dScores` [N, count]. */
  add(first: number, count: number, dScores: Tensor): void;
  /** Gradients of the scorer's inputs, once all tiles are in. */
  readonly result: readonly InputGradient[];
}

/** Exact scores of targets: ln p(target) = score - logZ. */
export interface NormalizedScores {
  /** [N] s(target) */
  readonly score: Tensor;
  /** [N] ln sum over v of exp(s(v)) */
  readonly logZ: Tensor;
}

/**
 * Exact cross entropy `loss[n] = ln Z[n] - s(target[n])` [N] of any scorer, and its parts.
 *
 * At most 64 MiB of the N x V scores exist at a time: more are computed in tiles of classes, and again in
 * the backward pass. Gradients flow through `loss` alone.
 */
export function tiledCrossEntropy(
  step: Step,
  scorer: TileScorer,
  target: Tensor,
): NormalizedScores & { loss: Tensor } {
  const { rows, classes } = scorer, { gpu } = step;
  expectShape("crossEntropy", "target", target, [rows], "u32");
  const tile = tileWidth(gpu, scorer);
  const state = step.tensor([rows, 3]);
  const [loss, logZ, score] = [step.tensor([rows]), step.tensor([rows]), step.tensor([rows])];
  const grid = {
    accumulate: () => rows,
    finish: () => Math.ceil(rows / 64),
    gradient: (width: number) => Math.ceil(rows * width / 64),
  };
  const launch = (
    entry: keyof typeof grid,
    inputs: Tensor[],
    outputs: Tensor[],
    first = 0,
    count = 0,
  ) => {
    const { source, lane } = kernel(count), width = count / lane;
    gpu.dispatch({
      label: `crossEntropy.${entry}`,
      source,
      entry,
      constants: { LANES: gpu.rowLanes },
      inputs,
      outputs,
      uniform: { rows, width, first },
      grid: grid[entry](width),
    });
  };
  const tiles = Array.from({ length: Math.ceil(classes / tile) }, (_, i) => {
    return { first: i * tile, count: Math.min(tile, classes - i * tile) };
  });
  const keep = step.needsGradient(...scorer.inputs) && rows * classes <= tileFloats(gpu);
  const kept: Tensor[] = [];
  for (const { first, count } of tiles) {
    const scores = scorer.scores(first, count);
    launch("accumulate", [scores, target], [state], first, count);
    if (keep) kept.push(step.own(scores));
    else scores.dispose();
  }
  launch("finish", [state], [loss, logZ, score]);
  step.record({
    name: "crossEntropy",
    inputs: scorer.inputs,
    output: loss,
    backward: (dLoss) => {
      const gradient = scorer.backward();
      for (const [i, { first, count }] of tiles.entries()) {
        const dScores = kept[i] ?? scorer.scores(first, count);
        launch("gradient", [dLoss, target, logZ], [dScores], first, count);
        gradient.add(first, count, dScores);
        if (!keep) dScores.dispose();
      }
      return gradient.result;
    },
  });
  return { loss, logZ, score };
}

/** The scorer `x weight^T + bias`: x [N, E], weight [V, E], bias [V]. */
export function linearScorer(step: Step, x: Tensor, weight: Tensor, bias: Tensor): TileScorer {
  const [rows, width] = [x.shape[0]!, x.shape[1]!], classes = weight.shape[0]!;
  expectShape("crossEntropy", "weight", weight, [classes, width]);
  expectShape("crossEntropy", "bias", bias, [classes]);
  const { gpu } = step;
  return {
    rows,
    classes,
    inputs: [x, weight, bias],
    scores(first, count) {
      const scores = gpu.temporary([rows, count]);
      using tileWeight = weight.rows(first, count);
      using tileBias = bias.rows(first, count);
      matmulInto(gpu, scores, x, tileWeight, { transposeB: true, bias: tileBias });
      return scores;
    },
    backward() {
      const dx = step.tensor(x.shape), dWeight = step.tensor(weight.shape);
      const dBias = step.tensor(bias.shape);
      return {
        add(first, count, dScores) {
          using tileWeight = weight.rows(first, count);
          using dTileWeight = dWeight.rows(first, count);
          using dTileBias = dBias.rows(first, count);
          matmulInto(gpu, dx, dScores, tileWeight, { accumulate: first > 0 });
          matmulInto(gpu, dTileWeight, dScores, x, { transposeA: true });
          columnSums(gpu, dTileBias, dScores);
        },
        result: [dx, dWeight, dBias],
      };
    },
  };
}

/**
 * `loss[n] = ln sum over v of exp(s[n, v]) - s[n, target[n]]` with `s = x weight^T + bias`.
 *
 * Shapes: x [N, E], weight [V, E], bias [V], target [N] ids; the result is [N]. See
 * {@linkcode tiledCrossEntropy} for its memory.
 */
export function crossEntropy(
  step: Step,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  target: Tensor,
): Tensor {
  expectIds("crossEntropy", target, weight);
  return tiledCrossEntropy(step, linearScorer(step, x, weight, bias), target).loss;
}
