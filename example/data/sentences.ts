/** Many sentences in one array. */

import type { LineWords } from "./line_words.ts";
import { BOS, UNK, type Vocabulary } from "./vocab.ts";
import { grow } from "./word_table.ts";

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

  /** Number of sentences so far. */
  get length(): number {
    return this.#count;
  }

  /** Adds the ids of a sentence, without marks. */
  add(words: ArrayLike<number>): void {
    this.#begin(words.length);
    this.#ids.set(words, this.#size);
    this.#size += words.length;
  }

  /** Adds a line as ids of a vocabulary. */
  addLine({ bytes, bounds, first, end, size }: LineWords, vocabulary: Vocabulary): void {
    this.#begin(size);
    for (let i = first; i < end; i++) {
      this.#ids[this.#size++] = vocabulary.idAt(bytes, bounds[2 * i]!, bounds[2 * i + 1]!);
    }
  }

  /** Makes room for a sentence of so many words and its mark, which {@linkcode build} writes. */
  #begin(words: number): void {
    this.#ids = grow(this.#ids, this.#size + words + 1);
    this.#offsets = grow(this.#offsets, this.#count + 1);
    this.#offsets[this.#count++] = this.#size++;
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
