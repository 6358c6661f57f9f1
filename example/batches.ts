/** Sentences as batches: padded rectangles for training, whole sentences for evaluation. */

import { Philox } from "../kernels/random.ts";
import type { Sentences } from "./sentences.ts";

/** Stream of the random order, apart from those of noise, dropout and weights; the step is the epoch. */
const STREAM = 0x42415443;

/** Rows of text side by side, one time step after another: element `[t * batchSize + b]`. */
export interface Batch {
  /** Number of rows. */
  readonly batchSize: number;
  /** Number of time steps: the length of the longest row. */
  readonly steps: number;
  /** Ids to read; 0 past the end of a row. */
  readonly input: Uint32Array;
  /** Ids to predict; 0 past the end of a row. */
  readonly target: Uint32Array;
  /** 1 where there is a target, 0 past the end of a row. */
  readonly mask: Float32Array;
  /** Number of targets: the sum of `mask`. */
  readonly tokens: number;
}

/** A batch of whole sentences. */
export interface EvaluationBatch extends Batch {
  /** The number of each row's sentence, from 0, in the order of the text. */
  readonly sentences: Uint32Array;
}

/** How {@linkcode trainingBatches} cuts the text. */
export interface TrainingOptions {
  /** Number of rows in a batch; of rows of mean length, where rows differ in length. */
  readonly batchSize: number;
  /** The most predictions in a row; what is longer goes on in another row. */
  readonly bptt: number;
  /** Seed of the order. */
  readonly seed: number;
  /** Cuts the joined text into rows, rather than taking sentences one by one. */
  readonly concat?: boolean;
  /** With `concat`: each row goes on where the same row of the batch before ended. */
  readonly carryState?: boolean;
}

/** How {@linkcode evaluationBatches} groups sentences. */
export interface EvaluationOptions {
  /** The most rows in a batch, by default 64. */
  readonly batchSize?: number;
  /** The most elements, padding included, in a batch of several rows; by default 4,096. */
  readonly tokenBudget?: number;
}

/**
 * The batches of one training epoch. Every token is predicted once.
 *
 * Sentences longer than `bptt` predictions are cut into rows; a further row begins before its first
 * prediction, so that it reads as much of the sentence as fits. Rows of equal length come together, chosen
 * anew for each epoch, as many as hold about the tokens of `batchSize` mean rows: a batch of short
 * sentences has more of them, so that every token weighs the same. The batches come in
 * random order, with every length in any few of them, the same for the same seed and epoch. With
 * `carryState` the order is that of the text.
 */
export function trainingBatches(
  text: Sentences,
  options: TrainingOptions,
  epoch: number,
): readonly Batch[] {
  const { batchSize, bptt, seed, concat = false, carryState = false } = options;
  checkPositive({ batchSize, bptt });
  if (carryState && !concat) throw new TypeError("Cannot carry the state without concat");
  if (carryState) return parallelStreams(text, batchSize, bptt);
  const random = new Philox(seed, STREAM, epoch);
  const rows = concat ? cut([0, text.tokens], bptt, false) : cut(text.offsets, bptt, true);
  const order = sortByLength(shuffle(rows.starts.map((_, row) => row), random), rows.lengths);
  const budget = batchSize * text.tokens / order.length;
  const batches: Batch[] = [];
  for (let start = 0, end = 0, tokens = 0; start < order.length; start = end, tokens = 0) {
    // A row is in if more of it than not is within the budget.
    do tokens += predicted(rows, order[end++]!); while (
      end < order.length && tokens + predicted(rows, order[end]!) / 2 <= budget
    );
    batches.push(new RowBatch(text.ids, select(rows, order.subarray(start, end))));
  }
  return interleave(batches, random);
}

/** Batches in a row that hold every length: about as many as momentum averages over. */
const STRATA = 10;

/**
 * `batches`, sorted by length, in random order, but so that any few in a row hold every length: batches
 * of one length after another would pull the model back and forth.
 */
function interleave(batches: readonly Batch[], random: Philox): Batch[] {
  const size = Math.ceil(batches.length / STRATA);
  const strata = Array.from({ length: STRATA }, (_, i) => {
    return shuffle(batches.slice(i * size, (i + 1) * size), random);
  });
  return Array.from({ length: size }, (_, round) => {
    return shuffle(strata.flatMap((stratum) => stratum.slice(round, round + 1)), random);
  }).flat();
}

/**
 * Whole sentences, however long, the shortest first, in the same order every time. A sentence longer
 * than the budget has a batch of its own.
 */
export function evaluationBatches(
  text: Sentences,
  { batchSize = 64, tokenBudget = 4096 }: EvaluationOptions = {},
): readonly EvaluationBatch[] {
  checkPositive({ batchSize, tokenBudget });
  const rows = cut(text.offsets, text.tokens, false);
  const order = sortByLength(rows.starts.map((_, row) => row), rows.lengths);
  const batches: EvaluationBatch[] = [];
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    // Sorted: the row that comes last is the longest.
    while (
      end < order.length && end - start < batchSize &&
      (end - start + 1) * rows.lengths[order[end]!]! <= tokenBudget
    ) end++;
    const sentences = order.slice(start, end);
    batches.push(new SentenceBatch(text.ids, select(rows, sentences), sentences));
    start = end;
  }
  return batches;
}

/**
 * Stretches of text: `lengths[i]` steps, the first of which reads the id at `starts[i]`; the first
 * `skips[i]` of them are read, but not predicted.
 */
interface Rows {
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
  readonly skips: Uint32Array;
}

/** Number of predictions of a row. */
function predicted({ lengths, skips }: Rows, row: number): number {
  return lengths[row]! - skips[row]!;
}

/** Rows of an epoch in compact form; the padded arrays are made when they are asked for. */
class RowBatch implements Batch {
  readonly batchSize: number;
  readonly steps: number;
  readonly tokens: number;
  readonly #ids: Uint32Array;
  readonly #rows: Rows;

  constructor(ids: Uint32Array, rows: Rows) {
    this.#ids = ids;
    this.#rows = rows;
    this.batchSize = rows.lengths.length;
    this.steps = rows.lengths.reduce((longest, length) => Math.max(longest, length), 0);
    this.tokens = rows.lengths.reduce((sum, _, row) => sum + predicted(rows, row), 0);
  }

  get input(): Uint32Array {
    return this.#fill(new Uint32Array(this.steps * this.batchSize), (at) => this.#ids[at]!);
  }

  get target(): Uint32Array {
    return this.#fill(new Uint32Array(this.steps * this.batchSize), (at) => this.#ids[at + 1]!);
  }

  get mask(): Float32Array {
    const mask = new Float32Array(this.steps * this.batchSize);
    return this.#fill(mask, (_, t, skip) => t < skip ? 0 : 1);
  }

  #fill<T extends Uint32Array | Float32Array>(
    array: T,
    value: (at: number, t: number, skip: number) => number,
  ): T {
    const { starts, lengths, skips } = this.#rows;
    for (let row = 0; row < this.batchSize; row++) {
      const start = starts[row]!, skip = skips[row]!;
      for (let t = 0; t < lengths[row]!; t++) {
        array[t * this.batchSize + row] = value(start + t, t, skip);
      }
    }
    return array;
  }
}

class SentenceBatch extends RowBatch implements EvaluationBatch {
  constructor(ids: Uint32Array, rows: Rows, readonly sentences: Uint32Array) {
    super(ids, rows);
  }
}

/**
 * Cuts what lies between neighbouring `offsets` into rows of at most `most` predictions. With `overlap`, a
 * row that is not the first of its stretch also reads what comes before, as much as `most` steps hold.
 */
function cut(offsets: ArrayLike<number>, most: number, overlap: boolean): Rows {
  let count = 0;
  for (let i = 1; i < offsets.length; i++) {
    count += Math.ceil((offsets[i]! - offsets[i - 1]!) / most) || 1;
  }
  const rows = emptyRows(count);
  let row = 0;
  for (let i = 1; i < offsets.length; i++) {
    const begin = offsets[i - 1]!, end = offsets[i]!;
    for (let first = begin; first < end; first += most) {
      const last = Math.min(end, first + most);
      const start = overlap ? Math.max(begin, last - most) : first;
      rows.starts[row] = start;
      rows.lengths[row] = last - start;
      rows.skips[row++] = first - start;
    }
  }
  return rows;
}

function emptyRows(count: number): Rows {
  return {
    starts: new Uint32Array(count),
    lengths: new Uint32Array(count),
    skips: new Uint32Array(count),
  };
}

/** The text in `batchSize` streams side by side, cut every `bptt` predictions; none is lost. */
function parallelStreams(text: Sentences, batchSize: number, bptt: number): Batch[] {
  const { tokens } = text, count = Math.min(batchSize, tokens);
  const begin = Array.from({ length: count + 1 }, (_, b) => Math.floor(b * tokens / count));
  const batches: Batch[] = [];
  for (let at = 0; at < Math.ceil(tokens / count); at += bptt) {
    const rows = emptyRows(count);
    for (let b = 0; b < count; b++) {
      rows.starts[b] = begin[b]! + at;
      rows.lengths[b] = Math.max(0, Math.min(bptt, begin[b + 1]! - rows.starts[b]!));
    }
    batches.push(new RowBatch(text.ids, rows));
  }
  return batches;
}

function select({ starts, lengths, skips }: Rows, order: Uint32Array): Rows {
  return {
    starts: order.map((row) => starts[row]!),
    lengths: order.map((row) => lengths[row]!),
    skips: order.map((row) => skips[row]!),
  };
}

/** `order` by rising length; rows of equal length keep their order. */
function sortByLength(order: Uint32Array, lengths: Uint32Array): Uint32Array {
  return order.sort((a, b) => lengths[a]! - lengths[b]!);
}

function shuffle<T extends unknown[] | Uint32Array>(values: T, random: Philox): T {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1), value = values[i];
    values[i] = values[j];
    values[j] = value;
  }
  return values;
}

function checkPositive(sizes: Record<string, number>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (Number.isSafeInteger(size) && size > 0) continue;
    throw new RangeError(`Cannot make batches: ${name} is ${size}, it must be a positive integer`);
  }
}
