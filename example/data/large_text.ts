/** A text in a file, read a part at a time. */

import { createHash } from "node:crypto";
import { type Block, MARK, type NumberedText } from "./id_file.ts";
import { Sentences } from "./sentences.ts";
import { BOS } from "./vocab.ts";

/** Bytes of a token in memory, and what batches of it take for a sentence. */
const TOKEN_BYTES = 4, SENTENCE_BYTES = 40;
/** Positions in memory are 32-bit numbers. */
const MAX_TOKENS = 2 ** 31;

/** The sentences of a numbered text, as ids of a vocabulary. */
export class LargeText {
  /** Number of sentences. */
  readonly length: number;
  /** Number of predictions: the words and each sentence's closing mark. */
  readonly tokens: number;
  /** The parts that the text is read in. */
  readonly blocks: readonly Block[];
  /** Most bytes of a window. */
  readonly memory: number;
  /** Number of blocks in a window: they are in memory together. */
  readonly window: number;
  readonly #opened: NumberedText;
  /** The id of each number in the file. */
  readonly #ids: Uint32Array;
  /** Where each block begins, and the last one ends, in tokens. */
  readonly #begins: Float64Array;
  /** What was read last: what was read before is overwritten. */
  #current: Sentences | undefined;
  /** Memory for a window, and for a block of the file; the next ones take their places. */
  #memory = new Uint32Array();
  #bytes = new Uint8Array();

  /**
   * @param opened The text, which stays open as long as this is used.
   * @param ids The id of each of its words.
   * @param memory Most bytes of a window, which has at least one block.
   */
  constructor(opened: NumberedText, ids: Uint32Array, memory: number) {
    const { info, words } = opened;
    this.#opened = opened;
    this.memory = memory;
    this.#ids = words.map((word) => ids[word]!);
    this.blocks = info.blocks;
    this.length = info.sentences;
    this.#begins = new Float64Array(this.blocks.length + 1);
    this.blocks.forEach(({ tokens }, i) => this.#begins[i + 1] = this.#begins[i]! + tokens);
    this.tokens = this.#begins.at(-1)!;
    const share = Math.min(memory / this.bytes, MAX_TOKENS / this.tokens, 1);
    this.window = Math.max(1, Math.floor(share * this.blocks.length));
  }

  /** Number of words, without marks. */
  get words(): number {
    return this.tokens - this.length;
  }

  /** Bytes that the whole text and its batches take in memory. */
  get bytes(): number {
    return TOKEN_BYTES * this.tokens + SENTENCE_BYTES * this.length;
  }

  /** Whether all of it may be in memory. */
  get fits(): boolean {
    return this.window === this.blocks.length;
  }

  /** What {@linkcode read} gave last; undefined before. */
  get current(): Sentences | undefined {
    return this.#current;
  }

  /** SHA-256 of the ids. */
  get hash(): string {
    return createHash("sha256").update(this.#opened.info.text).update(this.#ids).digest("hex");
  }

  /**
   * The sentences of these blocks, in this order; valid until the next call.
   *
   * @param onBlock Receives the number of tokens of each block when it is read.
   */
  read(blocks: ArrayLike<number>, onBlock: (tokens: number) => void = () => {}): Sentences {
    const all = Array.from(blocks, (block) => this.blocks[block]!);
    const tokens = all.reduce((sum, block) => sum + block.tokens, 0);
    const lengths = all.flatMap(({ lengths }) => lengths);
    const sentences = lengths.reduce((sum, [, sentences]) => sum + sentences, 0);
    if (this.#memory.length <= tokens) this.#memory = new Uint32Array(tokens + 1);
    const ids = this.#memory.subarray(0, tokens + 1), offsets = new Uint32Array(sentences + 1);
    let at = 0, sentence = 0;
    for (let i = 0; i < blocks.length; i++) {
      const begin = this.#begins[blocks[i]!]!, end = this.#begins[blocks[i]! + 1]!;
      for (const number of this.#numbers(begin, end)) {
        if (number === MARK) offsets[sentence++] = at;
        ids[at++] = this.#idOf(number);
      }
      onBlock(end - begin);
    }
    ids[at] = BOS;
    offsets[sentence] = at;
    return this.#current = new Sentences(ids, offsets);
  }

  /** The ids from position `begin` up to `end` of the joined text; that of the last mark is `tokens`. */
  slice(begin: number, end: number): Uint32Array {
    const ids = new Uint32Array(end - begin).fill(BOS);
    this.#numbers(begin, Math.min(end, this.tokens)).forEach((number, i) => {
      ids[i] = this.#idOf(number);
    });
    return ids;
  }

  /** The numbers from a position up to another, valid until the next call. */
  #numbers(begin: number, end: number): Uint32Array {
    const size = TOKEN_BYTES * (end - begin);
    if (this.#bytes.length < size) this.#bytes = new Uint8Array(size);
    const bytes = this.#opened.file.read(TOKEN_BYTES * begin, TOKEN_BYTES * end, this.#bytes);
    const { buffer, byteOffset } = bytes;
    return new Uint32Array(buffer, byteOffset, end - begin);
  }

  #idOf(number: number): number {
    return number === MARK ? BOS : this.#ids[number]!;
  }
}
