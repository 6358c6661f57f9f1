/** Pieces of text, and batches of rows of them. */

/** Words past the end of a row are so far apart in the text. */
const STRIDE = 7919;

/** Rows of text side by side, one time step after another: element `[t * batchSize + b]`. */
export interface Batch {
  /** Number of rows. */
  readonly batchSize: number;
  /** Number of time steps: the length of the longest row. */
  readonly steps: number;
  /** Ids to read; 0 past the end of a row. */
  readonly input: Uint32Array;
  /** Ids to predict; past the end of a row 0, or some of the text if noise comes from the batch. */
  readonly target: Uint32Array;
  /** 1 where there is a target, 0 past the end of a row. */
  readonly mask: Float32Array;
  /** 1 where a further sentence begins within a row, so that nothing before it may be remembered. */
  readonly resets: Uint32Array;
  /** Number of targets: the sum of `mask`. */
  readonly tokens: number;
  /** Whether each row goes on where the same row of the batch before ended. */
  readonly continues: boolean;
}

/** The sizes of a batch. */
export type Places = Pick<Batch, "steps" | "batchSize">;

/** Number of elements of a batch, padding included. */
export function placesOf({ steps, batchSize }: Places): number {
  return steps * batchSize;
}

/**
 * Pieces of text: `lengths[i]` steps, the first of which reads the id at `starts[i]`; the first
 * `skips[i]` of them are read, but not predicted.
 */
export interface Pieces {
  readonly starts: Uint32Array;
  readonly lengths: Uint32Array;
  readonly skips: Uint32Array;
}

/** Numbers of the pieces in a row, in their order. */
export type Row = readonly number[];

/** Steps of a row. */
export function rowSteps(row: Row, lengths: Uint32Array): number {
  return row.reduce((sum, piece) => sum + lengths[piece]!, 0);
}

/** What rows have that most do not have. */
export interface RowTraits {
  /** Each goes on where the same row of the batch before ended. */
  readonly continues?: boolean;
  /** Past its end stand words from elsewhere in the text rather than padding. */
  readonly wordsPastEnd?: boolean;
}

/** A batch in compact form; the padded arrays are made when they are asked for. */
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

  /** The number in the text of each target, from 0; 0 past the end of a row. */
  get places(): Uint32Array {
    return this.#fill(new Uint32Array(this.steps * this.batchSize), (at) => at);
  }

  /** Sets each element by its place in the text, its number in its piece, the piece's skip and the step. */
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
 * Cuts what lies between neighbouring `offsets` into pieces of at most `most` steps. A piece that is not
 * the first also reads the `overlap` words before its first prediction.
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

/** So many pieces, still of no length. */
export function emptyPieces(count: number): Pieces {
  const make = () => new Uint32Array(count);
  return { starts: make(), lengths: make(), skips: make() };
}
