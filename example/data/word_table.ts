/** Words as bytes: a hash table without strings, for any number of words. */

import { Failure } from "../shared/errors.ts";
import { ownBuffer } from "../shared/files.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NEWLINE = 10;
/** Bytes of words that are decoded together. */
const CHUNK = 1 << 20;
/** Most part of the slots that is taken. */
const MAX_LOAD = 0.75;
/** Positions of words are 32-bit numbers. */
const MAX_BYTES = 2 ** 32 - 1;

/**
 * Different words, numbered in the order in which they are added, in UTF-8. A word is found by open
 * addressing: `slots` has the numbers, plus 1, at the places that hashes lead to.
 */
export class WordTable {
  /** The words, each with a newline behind it. */
  #bytes: Uint8Array<ArrayBuffer>;
  /** Where each word begins, then where the next one will. */
  #starts: Uint32Array<ArrayBuffer>;
  #hashes: Uint32Array<ArrayBuffer>;
  #slots: Uint32Array<ArrayBuffer>;
  #size = 0;

  /** An empty table, with room for `words` words of `bytes` bytes in all, ends included; it grows as needed. */
  constructor(words = 64, bytes = 1024) {
    this.#bytes = new Uint8Array(bytes);
    this.#starts = new Uint32Array(words + 1);
    this.#hashes = new Uint32Array(words);
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(words / MAX_LOAD + 1)));
  }

  /**
   * The words that {@linkcode joined} gave, whose memory the table takes over; undefined if one is there twice
   * or the last has no end.
   */
  static of(joined: Uint8Array<ArrayBuffer>): WordTable | undefined {
    const words = joined.reduce((count, byte) => byte === NEWLINE ? count + 1 : count, 0);
    const table = new WordTable(words, 0), bytes = new Uint8Array(ownBuffer(joined));
    table.#bytes = bytes;
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const hash = wordHash(bytes, start, end), slot = table.#slotOf(hash, bytes, start, end);
      if (table.#slots[slot]! > 0) return undefined;
      table.#enter(hash, slot, start = end + 1);
    }
    return start === bytes.length ? table : undefined;
  }

  /** Number of words. */
  get size(): number {
    return this.#size;
  }

  /** All words in UTF-8, each with a newline behind it, as a view. */
  get joined(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#starts[this.#size]);
  }

  /** Whether all words are valid UTF-8. */
  get isText(): boolean {
    const decoder = new TextDecoder("utf-8", { fatal: true }), all = this.joined;
    try {
      for (let at = 0; at < all.length; at += CHUNK) {
        decoder.decode(all.subarray(at, at + CHUNK), { stream: true });
      }
    } catch {
      return false;
    }
    return true;
  }

  /**
   * The number of the word in `from` from `start` up to `end`, which is added if it is new.
   *
   * @throws {Failure} If the words have more than 4 GiB.
   */
  add(from: Uint8Array, start = 0, end = from.length): number {
    const hash = wordHash(from, start, end), slot = this.#slotOf(hash, from, start, end);
    const found = this.#slots[slot]!;
    if (found > 0) return found - 1;
    const word = this.#size, begin = this.#starts[word]!, last = begin + end - start;
    this.#bytes = grow(this.#bytes, last + 1);
    // Words are short: a loop is faster than set().
    for (let i = start, to = begin; i < end; i++, to++) this.#bytes[to] = from[i]!;
    this.#bytes[last] = NEWLINE;
    this.#enter(hash, slot, last + 1);
    return word;
  }

  /** Makes the bytes up to `next`, where the next word will begin, a word. */
  #enter(hash: number, slot: number, next: number): void {
    if (next > MAX_BYTES) {
      throw new Failure("Cannot hold the words: different ones have more than 4 GiB");
    }
    const word = this.#size;
    this.#starts = grow(this.#starts, word + 2);
    this.#starts[word + 1] = next;
    this.#hashes = grow(this.#hashes, word + 1);
    this.#hashes[word] = hash;
    this.#slots[slot] = ++this.#size;
    if (this.#size > MAX_LOAD * this.#slots.length) this.#widen();
  }

  /** The number of a word, or -1. */
  find(from: Uint8Array, start = 0, end = from.length): number {
    return this.#slots[this.#slotOf(wordHash(from, start, end), from, start, end)]! - 1;
  }

  /** {@linkcode add} of a text. */
  addText(word: string): number {
    return this.add(ENCODER.encode(word));
  }

  /** {@linkcode find} of a text. No table has a text with half of a surrogate pair. */
  findText(word: string): number {
    return word.isWellFormed() ? this.find(ENCODER.encode(word)) : -1;
  }

  /** Adds a word of another table, as {@linkcode add} does, without a view of its bytes: there may be millions. */
  addFrom(other: WordTable, word: number): number {
    return this.add(other.#bytes, other.#starts[word], other.#starts[word + 1]! - 1);
  }

  /** The number that a word of another table has in this one, or -1. */
  findFrom(other: WordTable, word: number): number {
    const starts = other.#starts, end = starts[word + 1]! - 1;
    return this.#slots[this.#slotOf(other.#hashes[word]!, other.#bytes, starts[word]!, end)]! - 1;
  }

  /** A word in UTF-8, as a view. */
  bytes(word: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#starts[word], this.#starts[word + 1]! - 1);
  }

  /** A word as text. */
  text(word: number): string {
    return DECODER.decode(this.bytes(word));
  }

  /** Compares two words by code point, which is the order of their bytes. */
  compare(a: number, b: number): number {
    let i = this.#starts[a]!, j = this.#starts[b]!;
    const length = Math.min(this.#starts[a + 1]! - i, this.#starts[b + 1]! - j) - 1;
    for (const end = i + length; i < end; i++, j++) {
      if (this.#bytes[i] !== this.#bytes[j]) return this.#bytes[i]! - this.#bytes[j]!;
    }
    return this.#starts[a + 1]! - this.#starts[a]! - (this.#starts[b + 1]! - this.#starts[b]!);
  }

  /** The slot of a word, or the free one where it belongs. */
  #slotOf(hash: number, from: Uint8Array, start: number, end: number): number {
    const slots = this.#slots, mask = slots.length - 1;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const word = slots[slot]! - 1;
      if (word < 0 || (this.#hashes[word] === hash && this.#equals(word, from, start, end))) {
        return slot;
      }
    }
  }

  #equals(word: number, from: Uint8Array, start: number, end: number): boolean {
    const bytes = this.#bytes;
    let at = this.#starts[word]!;
    if (this.#starts[word + 1]! - 1 - at !== end - start) return false;
    for (let i = start; i < end; i++) if (bytes[at++] !== from[i]) return false;
    return true;
  }

  /** Doubles the slots. */
  #widen(): void {
    const slots = new Uint32Array(2 * this.#slots.length), mask = slots.length - 1;
    for (let word = 0; word < this.#size; word++) {
      let slot = this.#hashes[word]! & mask;
      while (slots[slot]! > 0) slot = (slot + 1) & mask;
      slots[slot] = word + 1;
    }
    this.#slots = slots;
  }
}

/** FNV-1a, mixed so that the low bits depend on all. */
function wordHash(from: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ from[i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/**
 * `array`, or an array of at least `size` with the same elements and room to grow. It takes over the
 * memory of the old one, which must have all of its buffer and is empty afterwards.
 */
export function grow<A extends Uint8Array | Uint32Array | Float64Array>(array: A, size: number): A {
  if (size <= array.length) return array;
  const bytes = array.BYTES_PER_ELEMENT * Math.max(size, 2 * array.length);
  const memory = (array.buffer as ArrayBuffer).transfer(bytes);
  return new (array.constructor as new (memory: ArrayBuffer) => A)(memory);
}
