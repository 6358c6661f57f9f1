/** Pieces of text, and batches whose rows are made of them. */

/** Distance in the text between words that fill the end of a row. */
const STRIDE = 7919;

/** Rows of text side by side, time-major: element `[t * batchSize + b]`. */
export interface Batch {
  /** Number of rows. */
  readonly batchSize: number;
  /** Number of time steps: the length of the longest row. */
  readonly steps: number;
  /** Ids to read; 0 past the end of a row. */
  readonly input: Uint32Array;
  /** Ids to predict; past the end of a row 0, or words of the text if noise comes from the batch. */
  readonly target: Uint32Array;
  /** 1 where there is a target, 0 past the end of a row. */
  readonly mask: Float32Array;
  /** 1 where another sentence begins within a row, so that the state must be reset. */
  readonly resets: Uint32Array;
  /** Number of targets: the sum of `mask`. */
  readonly tokens: number;
  /** Whether each row continues the same row of the previous batch. */
  readonly continues: boolean;
}

/** The sizes of a batch. */
export type BatchDimensions = Pick<Batch, "steps" | "batchSize">;

/** Number of elements in a batch, including padding. */
export function elementsOf({ steps, batchSize }: BatchDimensions): number {
  return steps * batchSize;
}

/**
 * Pieces of text: piece i has `lengths[i]` steps and reads from the id at `starts[i]`; its first
 * `skips[i]` steps are read, but not predicted.
 */
export interface Pieces {
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
  readonly skips: Uint32Array;
}

/** Indices of the pieces in a row, in order. */
export type Row = readonly number[];

/** Number of steps in a row. */
function rowSteps(row: Row, lengths: Uint32Array): number {
  return row.reduce((sum, piece) => sum + lengths[piece]!, 0);
}

/** Options that most batches do not need. */
export interface RowTraits {
  /** Each row continues the same row of the previous batch. */
  readonly continues?: boolean;
  /** Words from elsewhere in the text fill the row's end, instead of padding. */
  readonly wordsPastEnd?: boolean;
}

/** A batch in compact form; the padded arrays are made on demand. */
export class RowBatch implements Batch {
  readonly batchSize: number;
  readonly steps: number;
  readonly tokens: number;
  readonly continues: boolean;
  readonly #ids: Uint32Array;
  readonly #pieces: Pieces;
  readonly #rows: readonly Row[];
  readonly #wordsPastEnd: boolean;

  constructor(
    ids: Uint32Array,
    pieces: Pieces,
    rows: readonly Row[],
    { continues = false, wordsPastEnd = false }: RowTraits = {},
  ) {
    this.continues = continues;
    this.#ids = ids;
    this.#pieces = pieces;
    this.#rows = rows;
    this.#wordsPastEnd = wordsPastEnd;
    const { lengths, skips } = pieces;
    this.batchSize = rows.length;
    this.steps = rows.reduce((most, row) => Math.max(most, rowSteps(row, lengths)), 0);
    this.tokens = rows.flat().reduce((sum, i) => sum + lengths[i]! - skips[i]!, 0);
  }

  get input(): Uint32Array {
    return this.#fill(new Uint32Array(this.steps * this.batchSize), (at) => this.#ids[at]!);
  }

  get target(): Uint32Array {
    const target = new Uint32Array(this.steps * this.batchSize);
    if (this.#wordsPastEnd) {
      const tokens = this.#ids.length - 1, first = this.#pieces.starts[this.#rows[0]![0]!]!;
      target.forEach((_, i) => target[i] = this.#ids[1 + (first + i * STRIDE) % tokens]!);
    }
    return this.#fill(target, (at) => this.#ids[at + 1]!);
  }

  get mask(): Float32Array {
    const mask = new Float32Array(this.steps * this.batchSize);
    return this.#fill(mask, (_, i, skip) => i < skip ? 0 : 1);
  }

  get resets(): Uint32Array {
    const resets = new Uint32Array(this.steps * this.batchSize);
    return this.#fill(resets, (_, i, __, t) => i === 0 && t > 0 ? 1 : 0);
  }

  /** Position of each target in the text, from 0; 0 past the end of a row. */
  get places(): Uint32Array {
    return this.#fill(new Uint32Array(this.steps * this.batchSize), (at) => at);
  }

  /** Sets each element from its position in the text, its index in the piece, the piece's skip and the step. */
  #fill<T extends Uint32Array | Float32Array>(
    array: T,
    value: (at: number, i: number, skip: number, t: number) => number,
  ): T {
    const { starts, lengths, skips } = this.#pieces;
    for (const [b, row] of this.#rows.entries()) {
      let t = 0;
      for (const piece of row) {
        const start = starts[piece]!, skip = skips[piece]!;
        for (let i = 0; i < lengths[piece]!; i++, t++) {
          array[t * this.batchSize + b] = value(start + i, i, skip, t);
        }
      }
    }
    return array;
  }
}

/**
 * Cuts the text between neighbouring `offsets` into pieces of at most `most` steps. Each piece after the
 * first also reads the `overlap` words before its first prediction.
 */
export function cut(offsets: ArrayLike<number>, most: number, overlap: number): Pieces {
  const further = most - overlap;
  let count = 0;
  for (let i = 1; i < offsets.length; i++) {
    count += 1 + Math.ceil(Math.max(0, offsets[i]! - offsets[i - 1]! - most) / further);
  }
  const pieces = emptyPieces(count);
  let piece = 0;
  for (let i = 1; i < offsets.length; i++) {
    const begin = offsets[i - 1]!, end = offsets[i]!;
    for (let first = begin, last = begin; first < end; first = last) {
      const skip = first === begin ? 0 : overlap;
      last = Math.min(end, first + most - skip);
      pieces.starts[piece] = first - skip;
      pieces.lengths[piece] = last - first + skip;
      pieces.skips[piece++] = skip;
    }
  }
  return pieces;
}

/** Allocates `count` pieces of length 0. */
export function emptyPieces(count: number): Pieces {
  const make = () => new Uint32Array(count);
  return { starts: make(), lengths: make(), skips: make() };
}
