/** Scorers of all classes, and the tiles of classes in which they are used. */

import type { Gradient } from "../autograd/gradients.ts";
import type { Step } from "../autograd/step.ts";
import type { Device } from "../device/device.ts";
import { expectFunction, expectList, expectObject, expectPositive } from "../device/expect.ts";
import { expectTable } from "../device/tables.ts";
import { expectShape, type Tensor } from "../device/tensor.ts";
import { readsTexels } from "../matmul/matmul_texel.ts";

/** How many of the scores of all classes exist at a time. */
export const SCORE_LIMITS = {
  /** Bytes, unless a scorer says otherwise. */
  heldBytes: 64 * 2 ** 20,
  /** Bytes that a linear layer keeps for the backward pass: computing scores again is a fourth product. */
  keptBytes: 512 * 2 ** 20,
  /** Classes of the smallest tile. Tiles begin at multiples of it, for the alignment of bindings (256 bytes of bias). */
  tileClasses: 64,
} as const;

const { heldBytes: HELD_BYTES, tileClasses: TILE_CLASSES } = SCORE_LIMITS;

/** Classes `first` to `first + count`. */
export interface Tile {
  readonly first: number;
  readonly count: number;
}

/** Floats that fit `bytes`, with the copy that products from texels need. */
function floatsIn(gpu: Device, bytes: number): number {
  return bytes / 4 / (readsTexels(gpu) ? 2 : 1);
}

/** Whether each tile is submitted by itself: systems end a submission that keeps a GPU for seconds. */
export function takesLong({ rows, classes }: TileScorer): boolean {
  return 4 * rows * classes > HELD_BYTES;
}

/** Whether the scores of all classes may be kept for the backward pass. */
export function mayBeKept(
  gpu: Device,
  { rows, classes, heldBytes = HELD_BYTES, keptBytes }: TileScorer,
): boolean {
  return rows * classes <= (keptBytes === undefined ? floatsIn(gpu, heldBytes) : keptBytes / 4);
}

/**
 * Tiles of all classes, each of `most` at most and within one part of the tables, for the operation `op`.
 *
 * @param held The most bytes of scores at a time, if not the scorer's.
 */
export function tilesOf(
  gpu: Device,
  op: string,
  scorer: TileScorer,
  most: number,
  held = Infinity,
): Tile[] {
  const { rows: N, classes: V, floatsPerClass = 0, edges = [] } = scorer;
  const heldBytes = Math.min(scorer.heldBytes ?? HELD_BYTES, held);
  const tileBytes = Math.min(scorer.tileBytes ?? heldBytes, heldBytes);
  const floats = Math.max(N, floatsPerClass), limit = Math.floor(heldBytes / 4 / TILE_CLASSES);
  if (floats > limit) {
    const what = N > limit ? `on ${N} rows` : `with ${floatsPerClass} numbers a class`;
    throw new RangeError(`Cannot run ${op} ${what}: at most ${limit} fit a tile`);
  }
  const bytes = floats * V <= floatsIn(gpu, heldBytes) ? heldBytes : tileBytes;
  const fitting = Math.max(1, Math.floor(floatsIn(gpu, bytes) / floats / TILE_CLASSES));
  const begins = [0, ...edges], steps = Math.min(fitting, most / TILE_CLASSES);
  return begins.flatMap((begin, i) => tilesWithin(gpu, begin, begins[i + 1] ?? V, steps));
}

/** Tiles of the classes from `begin` to `end`, each of at most `most` times 64. */
function tilesWithin({ family }: Device, begin: number, end: number, most: number): Tile[] {
  const count = end - begin;
  // Software adapters load rows of a multiple of four floats as vectors: the rest gets its own tile.
  const whole = family === "hardware" || count % 4 === 0 || count < TILE_CLASSES;
  const even = whole ? count : count - count % TILE_CLASSES;
  // The other tiles are about the same size, so that they share buffers.
  const steps = Math.ceil(even / TILE_CLASSES), number = Math.ceil(steps / most);
  const edge = (i: number) => Math.min(even, Math.floor(i * steps / number) * TILE_CLASSES);
  const tiles = Array.from({ length: number }, (_, i) => {
    return { first: begin + edge(i), count: edge(i + 1) - edge(i) };
  });
  if (even < count) tiles.push({ first: begin + even, count: count - even });
  return tiles;
}

/** Scores all classes, a tile at a time. */
export interface TileScorer {
  /** N, the number of rows. */
  readonly rows: number;
  /** V, the number of classes. */
  readonly classes: number;
  /** Classes at which a tile has to begin, rising multiples of 64: where a table's next buffer does. */
  readonly edges?: readonly number[];
  /** Floats that scoring a class needs besides its N scores; they count towards the size of a tile. */
  readonly floatsPerClass?: number;
  /** Largest number of bytes of scores that exist at a time; 64 MiB unless given. */
  readonly heldBytes?: number;
  /** Bytes of scores that are kept for the backward pass, if they are all; `heldBytes` unless given. */
  readonly keptBytes?: number;
  /** Bytes of a tile if there are several; `heldBytes` unless given. */
  readonly tileBytes?: number;
  /** What gradients flow to. */
  readonly inputs: readonly Tensor[];
  /** Scores [N, count] of the classes from `first` on, in a tensor that the caller disposes of. */
  scores(first: number, count: number): Tensor;
  /**
   * Begins a backward pass. Call `eachTile` again to recompute what was not stored. `dShift` gives the
   * gradient [N] of a number that is added to all scores of a row; absent if it is zero, as for cross entropy alone.
   */
  backward(eachTile: EachTile, dShift?: () => Tensor): TileGradient;
}

/**
 * Calls `use` for each tile of classes, `first` to `first + count`, with the gradient [N, count] of their
 * scores; `use` may change the scorer's parameters of these classes.
 */
export type EachTile = (
  use: (first: number, count: number, dScores: Tensor) => void,
) => void;

/** The gradients of a {@linkcode TileScorer}, summed a tile at a time. */
export interface TileGradient {
  /** Adds the part of the tile from `first` on, whose scores have the gradient `dScores` [N, count]. */
  add(first: number, count: number, dScores: Tensor): void;
  /** Gradients of the scorer's inputs, null for none, once all tiles are in. */
  finish(): readonly (Gradient | null)[];
}

/** The scores of a tile. Throws a TypeError if the scorer gives them in another shape. */
export function scoresOf(op: string, scorer: TileScorer, { first, count }: Tile): Tensor {
  const scores = scorer.scores(first, count);
  expectShape(op, "the scorer's tile", scores, [scorer.rows, count]);
  return scores;
}

/** Throws unless `step` is a step and `scorer` has what a scorer of all classes needs. */
export function expectScorer(op: string, step: Step, scorer: TileScorer): void {
  const doing = `run ${op}`;
  expectObject(doing, "scorer", scorer, "a scorer of all classes");
  const { rows, classes, scores, backward, inputs } = scorer;
  for (const [name, size] of Object.entries({ rows, classes })) expectPositive(doing, name, size);
  for (const [name, f] of Object.entries({ scores, backward })) expectFunction(doing, name, f);
  expectList(doing, "inputs", inputs);
  for (const [i, input] of inputs.entries()) expectTable(op, step, input, `input ${i}`);
}
