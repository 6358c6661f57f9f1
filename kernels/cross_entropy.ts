/** Exact softmax cross entropy whose scores are never stored beyond a tile, nor a large table's gradient. */

import crossEntropySource from "./cross_entropy.wgsl" with { type: "text" };
import { add } from "./elementwise.ts";
import { expectIds } from "./gather.ts";
import { laned } from "./lanes.ts";
import type { Gpu } from "./gpu.ts";
import { matmulInto, readsTexels } from "./matmul.ts";
import { columnSums, weightedSum } from "./reduce.ts";
import type { InputGradient, Step } from "./step.ts";
import { expectShape, type Tensor } from "./tensor.ts";
import type { TiledGradient } from "./tiled.ts";

const kernel = laned(crossEntropySource);

/** Bytes of a tile of scores unless told otherwise. */
const TILE_BYTES = 64 * 2 ** 20;
/** Tiles begin at multiples of this, so that they can be bound (256 bytes of bias). */
const TILE_STEP = 64;
/** Classes of a tile that one thread sums: llvmpipe ends a thread's loops after 65,535 rounds. */
const LANE_CLASSES = 2 ** 14;

/** Classes `first` to `first + count`. */
interface Tile {
  readonly first: number;
  readonly count: number;
}

/** Scores of a tile at most; products that read texels need a copy of them. */
function tileFloats(gpu: Gpu, { tileBytes = TILE_BYTES }: TileScorer): number {
  return tileBytes / 4 / (readsTexels(gpu) ? 2 : 1);
}

/** Tiles of all classes; each row is summed by `gpu.rowLanes` threads. */
function tilesOf(gpu: Gpu, scorer: TileScorer): Tile[] {
  const { rows, classes, floatsPerClass = 0, tileBytes = TILE_BYTES } = scorer;
  const floats = Math.max(rows, floatsPerClass), most = Math.floor(tileBytes / 4 / TILE_STEP);
  if (floats > most) {
    throw new RangeError(`Cannot run crossEntropy on ${rows} rows: at most ${most} fit a tile`);
  }
  const fitting = Math.max(1, Math.floor(tileFloats(gpu, scorer) / floats / TILE_STEP));
  // Rows of a multiple of four floats are loaded as vectors: an odd rest goes into a tile of its own.
  const even = classes % 4 === 0 || classes < TILE_STEP ? classes : classes - classes % TILE_STEP;
  // The others are about as large as one another, so that buffers of one size serve them all.
  const steps = Math.ceil(even / TILE_STEP);
  const number = Math.ceil(steps / Math.min(fitting, gpu.rowLanes * LANE_CLASSES / TILE_STEP));
  const edge = (i: number) => Math.min(even, Math.floor(i * steps / number) * TILE_STEP);
  const tiles = Array.from({ length: number }, (_, i) => {
    return { first: edge(i), count: edge(i + 1) - edge(i) };
  });
  if (even < classes) tiles.push({ first: even, count: classes - even });
  return tiles;
}

/** A scorer of all classes, a tile of them at a time. */
export interface TileScorer {
  /** N, the number of rows. */
  readonly rows: number;
  /** V, the number of classes. */
  readonly classes: number;
  /** Floats that scoring a class takes besides its N scores; a tile of them is bounded alike. */
  readonly floatsPerClass?: number;
  /** Bytes of a tile of scores at most; 64 MiB unless given. */
  readonly tileBytes?: number;
  /** What gradients flow to. */
  readonly inputs: readonly Tensor[];
  /** Scores [N, count] of the classes from `first` on, in a tensor for the caller to dispose of. */
  scores(first: number, count: number): Tensor;
  /** Begins a backward pass. What cannot be held till the end of the step is had from `eachTile` again. */
  backward(eachTile: EachTile): TileGradient;
}

/**
 * Calls `use` for the classes `first` to `first + count` and the gradient [N, count] of their scores, tile
 * after tile; `use` may change what the scorer has of these classes.
 */
export type EachTile = (
  use: (first: number, count: number, dScores: Tensor) => void,
) => void;

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
 * At most 64 MiB of the N x V scores exist at a time: more are computed in tiles of classes, and again
 * whenever they are needed. Gradients flow through `loss` alone.
 */
export function tiledCrossEntropy(
  step: Step,
  scorer: TileScorer,
  target: Tensor,
): NormalizedScores & { loss: Tensor } {
  const { rows, classes } = scorer, { gpu } = step;
  expectShape("crossEntropy", "target", target, [rows], "u32");
  const tiles = tilesOf(gpu, scorer);
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
  const keep = step.needsGradient(...scorer.inputs) && rows * classes <= tileFloats(gpu, scorer);
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
      const differentiate = (scores: Tensor, { first, count }: Tile) => {
        launch("gradient", [dLoss, target, logZ], [scores], first, count);
        return scores;
      };
      kept.forEach((scores, i) => differentiate(scores, tiles[i]!));
      const expectSame = watch([...scorer.inputs, target]);
      const eachTile: EachTile = (use) => {
        expectSame();
        for (const [i, tile] of tiles.entries()) {
          const { first, count } = tile;
          using dScores = kept[i]?.rows(0, rows) ??
            differentiate(scorer.scores(first, count), tile);
          use(first, count, dScores);
        }
      };
      const gradient = scorer.backward(eachTile);
      eachTile((first, count, dScores) => gradient.add(first, count, dScores));
      return gradient.result;
    },
  });
  return { loss, logZ, score };
}

/** Notes the versions of `tensors`; the result throws a TypeError once one has changed. */
function watch(tensors: readonly Tensor[]): () => void {
  const versions = tensors.map(({ storage }) => storage.version);
  return () => {
    const changed = tensors.find(({ storage }, i) => storage.version !== versions[i]);
    if (!changed) return;
    throw new TypeError(
      `Cannot compute crossEntropy's gradient: a tensor [${changed.shape}] has changed since the ` +
        "backward pass; ask for the gradient, or update by it, before that",
    );
  };
}

/**
 * The scorer `x weight^T + bias`: x [N, E], weight [V, E], bias [V].
 *
 * The gradient of a weight of more than `tileBytes` is tiled.
 */
export function linearScorer(
  step: Step,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  tileBytes: number = TILE_BYTES,
): TileScorer {
  const [rows, width] = [x.shape[0]!, x.shape[1]!], classes = weight.shape[0]!;
  expectShape("crossEntropy", "weight", weight, [classes, width]);
  expectShape("crossEntropy", "bias", bias, [classes]);
  const { gpu } = step;
  return {
    rows,
    classes,
    floatsPerClass: width,
    tileBytes,
    inputs: [x, weight, bias],
    scores(first, count) {
      const scores = gpu.temporary([rows, count]);
      using tileWeight = weight.rows(first, count);
      using tileBias = bias.rows(first, count);
      matmulInto(gpu, scores, x, tileWeight, { transposeB: true, bias: tileBias });
      return scores;
    },
    backward(eachTile) {
      return new LinearGradient(step, x, weight, weight.bytes > tileBytes ? eachTile : undefined);
    },
  };
}

/** The gradients of a linear scorer; that of the weight is held whole unless `eachTile` is given. */
class LinearGradient implements TileGradient {
  readonly #step: Step;
  readonly #x: Tensor;
  readonly #weight: Tensor;
  readonly #dx: Tensor;
  readonly #dBias: Tensor;
  readonly #dWeight: Tensor | undefined;
  readonly #eachTile: EachTile | undefined;
  #sumOfSquares: Tensor | undefined;

  constructor(step: Step, x: Tensor, weight: Tensor, eachTile: EachTile | undefined) {
    this.#step = step;
    this.#x = x;
    this.#weight = weight;
    this.#dx = step.tensor(x.shape);
    this.#dBias = step.tensor([weight.shape[0]!]);
    this.#eachTile = eachTile;
    if (!eachTile) this.#dWeight = step.tensor(weight.shape);
  }

  add(first: number, count: number, dScores: Tensor): void {
    const step = this.#step, { gpu } = step;
    using tileWeight = this.#weight.rows(first, count);
    using dTileBias = this.#dBias.rows(first, count);
    matmulInto(gpu, this.#dx, dScores, tileWeight, { accumulate: first > 0 });
    columnSums(gpu, dTileBias, dScores);
    using dTileWeight = this.#weightGradient(first, count, dScores);
    if (this.#dWeight) return;
    const squares = weightedSum(step, dTileWeight, dTileWeight), before = this.#sumOfSquares;
    this.#sumOfSquares = before ? add(step, before, squares) : squares;
  }

  get result(): InputGradient[] {
    const tiled = (eachTile: EachTile): TiledGradient => ({
      sumOfSquares: this.#sumOfSquares!,
      forEach: (use) =>
        eachTile((first, count, dScores) => {
          using dTileWeight = this.#weightGradient(first, count, dScores);
          use(first, dTileWeight);
        }),
    });
    return [this.#dx, this.#eachTile ? tiled(this.#eachTile) : this.#dWeight!, this.#dBias];
  }

  /** [count, E] The gradient of a tile of the weight, for the caller to dispose of. */
  #weightGradient(first: number, count: number, dScores: Tensor): Tensor {
    const rows = this.#dWeight?.rows(first, count) ??
      this.#step.gpu.temporary([count, this.#x.shape[1]!]);
    matmulInto(this.#step.gpu, rows, dScores, this.#x, { transposeA: true });
    return rows;
  }
}

/**
 * `loss[n] = ln sum over v of exp(s[n, v]) - s[n, target[n]]` with `s = x weight^T + bias`.
 *
 * Shapes: x [N, E], weight [V, E], bias [V], target [N] ids; the result is [N]. At most `tileBytes` of
 * scores exist at a time, see {@linkcode tiledCrossEntropy}; the gradient of a larger weight is tiled.
 */
export function crossEntropy(
  step: Step,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  target: Tensor,
  tileBytes: number = TILE_BYTES,
): Tensor {
  expectIds("crossEntropy", target, weight);
  return tiledCrossEntropy(step, linearScorer(step, x, weight, bias, tileBytes), target).loss;
}
