/** Many sentences in one array. */

import { BOS, UNK } from "./vocab.ts";

/**
 * Sentences as `<s> words <s> words <s> ...`. Neighbours share the mark between them, so one array is
 * both the separate sentences, `<s> words <s>` each, and the whole text joined by marks.
 */
export class Sentences {
  /** The ids of all sentences. */
  readonly ids: Uint32Array;
  /** Position of each sentence's opening mark, then of the last sentence's closing mark. */
  readonly offsets: Uint32Array;

  /** Keeps the arrays without a copy. */
  constructor(ids: Uint32Array, offsets: Uint32Array) {
    this.ids = ids;
    this.offsets = offsets;
  }

  /** Number of sentences. */
  get length(): number {
    return this.offsets.length - 1;
  }

  /** Number of words, without marks. */
  get words(): number {
    return this.tokens - this.length;
  }

  /** Number of predictions: the words and each sentence's closing mark. */
  get tokens(): number {
    return this.ids.length - 1;
  }

  /** Sentence `i` with a mark at both ends, as a view. */
  at(i: number): Uint32Array {
    const start = this.offsets[i], end = this.offsets[i + 1];
    if (start === undefined || end === undefined) {
      throw new RangeError(`There is no sentence ${i}: they go from 0 to ${this.length - 1}`);
    }
    return this.ids.subarray(start, end + 1);
  }
}

/** Number of unknown words in `text`. */
export function countUnknown({ ids }: Sentences): number {
  return ids.reduce((count, id) => id === UNK ? count + 1 : count, 0);
}

/** Collects sentences one by one in growing memory. */
export class SentencesBuilder {
  #ids: Uint32Array = new Uint32Array(1 << 12);
  #size = 0;
  #offsets: Uint32Array = new Uint32Array(1 << 8);
  #count = 0;

  /** Adds the ids of a sentence, without marks. */
  add(words: ArrayLike<number>): void {
    this.#ids = grow(this.#ids, this.#size + words.length + 1);
    this.#offsets = grow(this.#offsets, this.#count + 1);
    this.#offsets[this.#count++] = this.#size;
    // Space for the mark: build() writes it, since ids may still be renumbered.
    this.#size++;
    this.#ids.set(words, this.#size);
    this.#size += words.length;
  }

  /** The sentences so far, with `renumber` applied to each word's id. */
  build(renumber: (id: number) => number = (id) => id): Sentences {
    const ids = new Uint32Array(this.#size + 1), offsets = new Uint32Array(this.#count + 1);
    offsets.set(this.#offsets.subarray(0, this.#count));
    offsets[this.#count] = this.#size;
    for (let i = 0; i < this.#size; i++) ids[i] = renumber(this.#ids[i]!);
    for (const offset of offsets) ids[offset] = BOS;
    return new Sentences(ids, offsets);
  }
}

/** `array`, or a copy of at least `size` with room to grow. */
function grow(array: Uint32Array, size: number): Uint32Array {
  if (size <= array.length) return array;
  const larger = new Uint32Array(Math.max(size, 2 * array.length));
  larger.set(array);
  return larger;
}
