/** Batches of sentences: each row holds whole sentences in sequence, packed with little padding. */

import { Philox } from "../../kernels/random/mod.ts";
import { isFromBatch, type NoiseName } from "../options/settings.ts";
import { type Batch, cut, emptyPieces, type Row, RowBatch, rowSteps } from "./row_batch.ts";
import type { Sentences } from "./sentences.ts";
import { shuffle } from "./shuffle.ts";

/** Random stream of the order, separate from noise, dropout and weights; the step is the epoch. */
const STREAM = 0x42415443;
/** How {@linkcode trainingBatches} cuts the text. */
export interface TrainingOptions {
  /** Number of sentences (or pieces) of mean length in a batch; with `concat`, number of rows. */
  readonly batchSize: number;
  /** Maximum number of predictions in a piece, and of steps in a row. Longer sentences are split. */
  readonly bptt: number;
  /** Seed of the order. */
  readonly seed: number;
  /** Cuts the joined text into rows, rather than taking sentences one by one. */
  readonly concat?: boolean;
  /** With `concat`: each row continues the same row of the previous batch. */
  readonly carryState?: boolean;
  /** Where noise comes from; unigram unless given. */
  readonly noise?: NoiseName;
}

/** How {@linkcode evaluationBatches} groups sentences. */
export interface EvaluationOptions {
  /** The most rows in a batch, by default 64. */
  readonly batchSize?: number;
  /** The most elements, padding included, in a batch; by default 4,096. */
  readonly tokenBudget?: number;
}

/**
 * The batches of one training epoch. Every token is predicted once.
 *
 * Sentences longer than `bptt` predictions are cut into pieces. Each piece after the first also reads
 * the words before its first prediction, a quarter of `bptt`. A row has at most `bptt` steps and holds as
 * many sentences in sequence as fit. Rows are shuffled for each epoch, in the same order for the same seed
 * and epoch. A batch takes as many rows as hold the tokens of `batchSize` mean pieces, so it has sentences
 * of all lengths. With `carryState` the order is that of the text. If noise comes from the batch, a target
 * that would be alone joins another batch, and words of the text fill each row's end, so that all
 * noise is from the text.
 */
export function trainingBatches(
  text: Sentences,
  options: TrainingOptions,
  epoch: number,
): readonly Batch[] {
  const { batchSize, bptt, seed, concat = false, carryState = false, noise = "unigram" } = options;
  const fromBatch = isFromBatch(noise);
  checkPositive({ batchSize, bptt });
  if (carryState && !concat) throw new TypeError("Cannot carry the state without concat");
  if (carryState) return parallelStreams(text, options);
  const random = new Philox(seed, STREAM, epoch);
  const pieces = concat ? cut([0, text.tokens], bptt, 0) : cut(text.offsets, bptt, bptt >> 2);
  const order = shuffle(pieces.starts.map((_, piece) => piece), random);
  const { lengths } = pieces, longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const rows = shuffle(pack(order, lengths, longest), random);
  const mean = text.tokens / lengths.length;
  const count = concat ? batchSize : Math.max(1, Math.round(batchSize * mean / longest));
  const batches: Row[][] = [];
  for (let at = 0; at < rows.length; at += count) batches.push(rows.slice(at, at + count));
  return (fromBatch ? joinLone(batches, lengths) : batches)
    .map((rows) => new RowBatch(text.ids, pieces, rows, { wordsPastEnd: fromBatch }));
}

/**
 * Whole sentences in a fixed order: a row holds as many as fit into `tokenBudget / batchSize` steps.
 * Sentences longer than the budget come first, in pieces. Each piece is a batch of one row that continues
 * the previous piece.
 */
export function evaluationBatches(
  text: Sentences,
  { batchSize = 64, tokenBudget = 4096 }: EvaluationOptions = {},
): readonly RowBatch[] {
  checkPositive({ batchSize, tokenBudget });
  const pieces = cut(text.offsets, tokenBudget, 0), { starts, lengths } = pieces;
  const batches: RowBatch[] = [], whole: number[] = [];
  for (let piece = 0, sentence = 0; piece < lengths.length; sentence++) {
    const first = piece, end = text.offsets[sentence + 1]!;
    while (piece < lengths.length && starts[piece]! < end) piece++;
    if (piece - first === 1) whole.push(first);
    else {
      for (let i = first; i < piece; i++) {
        batches.push(new RowBatch(text.ids, pieces, [[i]], { continues: i > first }));
      }
    }
  }
  const space = Math.max(1, Math.floor(tokenBudget / batchSize));
  const rows = pack(Uint32Array.from(whole), lengths, space);
  for (let start = 0; start < rows.length;) {
    // Rows with the longest sentences come first: none is longer than the first, or than `space`.
    const steps = Math.max(space, lengths[rows[start]![0]!]!);
    const count = Math.max(1, Math.min(batchSize, Math.floor(tokenBudget / steps)));
    batches.push(new RowBatch(text.ids, pieces, rows.slice(start, start + count)));
    start += count;
  }
  return batches;
}

/**
 * Packs pieces into rows of at most `space` steps, best fit, longest first; pieces of equal length keep
 * their `order`. A piece longer than `space` gets its own row.
 */
function pack(order: Uint32Array, lengths: Uint32Array, space: number): Row[] {
  const rows: number[][] = [];
  // Rows by the space that they have left.
  const open: number[][][] = Array.from({ length: space + 1 }, () => []);
  for (const piece of order.toSorted((a, b) => lengths[b]! - lengths[a]!)) {
    const length = lengths[piece]!;
    let left = length;
    while (left < space && open[left]!.length === 0) left++;
    let row = open[left]?.pop();
    if (row === undefined) {
      row = [];
      rows.push(row);
      left = Math.max(space, length);
    }
    row.push(piece);
    open[left - length]!.push(row);
  }
  return rows;
}

/** Moves a target that is alone in its batch to the shortest row of another batch, if there is one. */
function joinLone(batches: readonly Row[][], lengths: Uint32Array): readonly Row[][] {
  const isLone = (rows: readonly Row[]) => rows.length === 1 && rowSteps(rows[0]!, lengths) === 1;
  const joined = batches.filter((rows) => !isLone(rows));
  if (joined.length === 0) return batches;
  for (const [i, piece] of batches.filter(isLone).flat(2).entries()) {
    const rows = joined[i % joined.length]!;
    rows.sort((a, b) => rowSteps(b, lengths) - rowSteps(a, lengths));
    rows.push([...rows.pop()!, piece]);
  }
  return joined;
}

/**
 * The text in `batchSize` parallel streams, cut every `bptt` predictions; none is lost. If noise comes
 * from the batch, a single target at the end becomes one more step of the previous batch.
 */
function parallelStreams(
  text: Sentences,
  { batchSize, bptt, noise = "unigram" }: TrainingOptions,
): Batch[] {
  const { tokens } = text, count = Math.min(batchSize, tokens), fromBatch = isFromBatch(noise);
  const begin = Array.from({ length: count + 1 }, (_, b) => Math.floor(b * tokens / count));
  const longest = Math.ceil(tokens / count);
  const cuts = Array.from({ length: Math.ceil(longest / bptt) }, (_, i) => i * bptt);
  const isLone = cuts.at(-1) === longest - 1 && tokens % count === 1 % count && bptt * count > 1;
  if (fromBatch && isLone) cuts.pop();
  return cuts.map((at, i) => {
    const pieces = emptyPieces(count), steps = (cuts[i + 1] ?? longest) - at;
    for (let b = 0; b < count; b++) {
      pieces.starts[b] = begin[b]! + at;
      pieces.lengths[b] = Math.max(0, Math.min(steps, begin[b + 1]! - pieces.starts[b]!));
    }
    const rows = Array.from(begin.slice(1), (_, b) => [b]);
    const traits = { continues: at > 0, wordsPastEnd: fromBatch };
    return new RowBatch(text.ids, pieces, rows, traits);
  });
}

function checkPositive(sizes: Record<string, number>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (Number.isSafeInteger(size) && size > 0) continue;
    throw new RangeError(`Cannot make batches: ${name} is ${size}, it must be a positive integer`);
  }
}
