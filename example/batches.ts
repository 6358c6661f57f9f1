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
 * Sentences longer than `bptt` predictions are cut into consecutive rows. Rows of equal length come
 * together, chosen anew for each epoch, as many as hold about the tokens of `batchSize` mean sentences: a
 * batch of short sentences has more of them, so that every token weighs the same. The batches come in
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
  const rows = concat ? cut([0, text.tokens], bptt) : cut(text.offsets, bptt);
  const order = sortByLength(shuffle(rows.starts.map((_, row) => row), random), rows.lengths);
  const budget = concat ? batchSize * bptt : batchSize * text.tokens / text.length;
  const batches: Batch[] = [];
  for (let start = 0, end = 0, tokens = 0; start < order.length; start = end, tokens = 0) {
    // A row is in if more of it than not is within the budget.
    do tokens += rows.lengths[order[end++]!]!; while (
      end < order.length && tokens + rows.lengths[order[end]!]! / 2 <= budget
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
  const rows = cut(text.offsets, text.tokens);
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

/** Stretches of text: `lengths[i]` predictions, the first of which reads the id at `starts[i]`. */
interface Rows {
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
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
    this.tokens = rows.lengths.reduce((sum, length) => sum + length, 0);
  }

  get input(): Uint32Array {
    return this.#fill(new Uint32Array(this.steps * this.batchSize), (at) => this.#ids[at]!);
  }

  get target(): Uint32Array {
    return this.#fill(new Uint32Array(this.steps * this.batchSize), (at) => this.#ids[at + 1]!);
  }

  get mask(): Float32Array {
    return this.#fill(new Float32Array(this.steps * this.batchSize), () => 1);
  }

  #fill<T extends Uint32Array | Float32Array>(array: T, value: (at: number) => number): T {
    const { starts, lengths } = this.#rows;
    for (let row = 0; row < this.batchSize; row++) {
      const start = starts[row]!, length = lengths[row]!;
      for (let t = 0; t < length; t++) array[t * this.batchSize + row] = value(start + t);
    }
    return array;
  }
}

class SentenceBatch extends RowBatch implements EvaluationBatch {
  constructor(ids: Uint32Array, rows: Rows, readonly sentences: Uint32Array) {
    super(ids, rows);
  }
}

/** Cuts what lies between neighbouring `offsets` into rows of at most `most` predictions. */
function cut(offsets: ArrayLike<number>, most: number): Rows {
  let count = 0;
  for (let i = 1; i < offsets.length; i++) {
    count += Math.ceil((offsets[i]! - offsets[i - 1]!) / most);
  }
  const starts = new Uint32Array(count), lengths = new Uint32Array(count);
  let row = 0;
  for (let i = 1; i < offsets.length; i++) {
    const end = offsets[i]!;
    for (let start = offsets[i - 1]!; start < end; start += most) {
      starts[row] = start;
      lengths[row++] = Math.min(most, end - start);
    }
  }
  return { starts, lengths };
}

/** The text in `batchSize` streams side by side, cut every `bptt` predictions; none is lost. */
function parallelStreams(text: Sentences, batchSize: number, bptt: number): Batch[] {
  const { tokens } = text, count = Math.min(batchSize, tokens);
  const begin = Array.from({ length: count + 1 }, (_, b) => Math.floor(b * tokens / count));
  const batches: Batch[] = [];
  for (let at = 0; at < Math.ceil(tokens / count); at += bptt) {
    const starts = new Uint32Array(count), lengths = new Uint32Array(count);
    for (let b = 0; b < count; b++) {
      starts[b] = begin[b]! + at;
      lengths[b] = Math.max(0, Math.min(bptt, begin[b + 1]! - starts[b]!));
    }
    batches.push(new RowBatch(text.ids, { starts, lengths }));
  }
  return batches;
}

function select({ starts, lengths }: Rows, order: Uint32Array): Rows {
  return {
    starts: order.map((row) => starts[row]!),
    lengths: order.map((row) => lengths[row]!),
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
