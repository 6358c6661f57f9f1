/**
 * A training text as numbers of words: written in one pass, so that it is split and counted only once.
 *
 * The file has, without gaps: the text, a 32-bit number for each word in order of first occurrence, with
 * {@linkcode MARK} at the start of each sentence; the words in order of frequency, each with a newline; their
 * counts as 64-bit floats; the 32-bit rank by frequency of each number; the {@linkcode TextInfo} as JSON; its
 * length as a 32-bit number; the SHA-256 of {@linkcode VERSION} and all before. Numbers are little-endian.
 */

import { createHash } from "node:crypto";
import { type ByteSource, byteView, chunksOf, ownBuffer } from "../shared/files.ts";
import type { LineWords } from "./line_words.ts";
import { WordCounts } from "./word_counts.ts";
import { grow, WordTable } from "./word_table.ts";

/** Stands at the start of each sentence. */
export const MARK = 0xffffffff;
const HASH_BYTES = 32, LENGTH_BYTES = 4;
/** The hash begins with it, so that a file of another version counts as damaged. */
const VERSION = "nce ids 1";

/** Some neighbouring sentences. */
export interface Block {
  /** Number of words and marks. */
  readonly tokens: number;
  /** Lengths of sentences, each with its mark, and the number of sentences of that length. */
  readonly lengths: readonly (readonly [length: number, sentences: number])[];
}

/** What a file says of its text. */
export interface TextInfo {
  /** SHA-256 of what the text was read from. */
  readonly source: string;
  /** SHA-256 of the numbers. */
  readonly text: string;
  readonly sentences: number;
  readonly words: number;
  readonly blocks: readonly Block[];
  /** Remarks about the text for the user. */
  readonly notes: readonly string[];
}

/** A text as numbers. */
export interface NumberedText {
  /** Begins with the text. */
  readonly file: ByteSource;
  readonly info: TextInfo;
  /** The words. */
  readonly counts: WordCounts;
  /** Which of the words each number of the text stands for. */
  readonly words: Uint32Array;
}

/** Writes a text in the form of this file. */
export class IdWriter {
  readonly #counts = new WordCounts();
  readonly #put: (bytes: Uint8Array) => void;
  readonly #blockTokens: number;
  readonly #blocks: Block[] = [];
  readonly #hash = createHash("sha256").update(VERSION);
  readonly #textHash = createHash("sha256");
  #block = new Uint32Array(1 << 10);
  #tokens = 0;
  #lengths = new Map<number, number>();

  /**
   * @param put Receives the bytes in order, each time valid until it returns.
   * @param blockTokens Number of tokens from which a block is complete.
   */
  constructor(put: (bytes: Uint8Array) => void, blockTokens: number) {
    this.#put = put;
    this.#blockTokens = blockTokens;
  }

  /** Appends a sentence. */
  add(words: LineWords): void {
    const length = words.size + 1;
    this.#block = grow(this.#block, this.#tokens + length);
    this.#block[this.#tokens] = MARK;
    this.#counts.addLine(words, this.#block, this.#tokens + 1);
    this.#tokens += length;
    this.#lengths.set(length, (this.#lengths.get(length) ?? 0) + 1);
    if (this.#tokens >= this.#blockTokens) this.#endBlock();
  }

  /** Ends the text; gives what is known of it and its words, which are numbered as they are in it. */
  end(source: string, notes: readonly string[]): { info: TextInfo; counts: WordCounts } {
    if (this.#tokens > 0) this.#endBlock();
    const counts = this.#counts, { sentences } = counts, blocks = this.#blocks;
    const text = this.#textHash.digest("hex");
    return { info: { source, text, sentences, words: counts.table.size, blocks, notes }, counts };
  }

  /** Writes what follows the text in a file. */
  writeInfo(info: TextInfo): void {
    const { joined, counts, ranks } = this.#counts.sorted();
    const json = new TextEncoder().encode(JSON.stringify(info));
    for (const part of [joined, counts, ranks, json]) this.#write(part);
    this.#write(Uint32Array.of(json.length));
    this.#put(this.#hash.digest());
  }

  #endBlock(): void {
    const ids = this.#block.subarray(0, this.#tokens);
    this.#textHash.update(ids);
    this.#write(ids);
    this.#blocks.push({ tokens: this.#tokens, lengths: [...this.#lengths] });
    this.#tokens = 0;
    this.#lengths = new Map();
  }

  #write(numbers: ArrayBufferView<ArrayBuffer>): void {
    const bytes = byteView(numbers);
    this.#hash.update(bytes);
    this.#put(bytes);
  }
}

/**
 * Opens a file that an {@linkcode IdWriter} wrote.
 *
 * @param onRead Receives the number of bytes after each read.
 * @returns Undefined if it is damaged, or no such file.
 */
export function openIds(
  file: ByteSource,
  onRead: (bytes: number) => void,
): NumberedText | undefined {
  const end = file.size - HASH_BYTES - LENGTH_BYTES;
  if (end < 0 || !isWhole(file, onRead)) return undefined;
  const json = end - numbersAt(file, end, 1, Uint32Array)[0]!;
  const text = new TextDecoder().decode(file.read(json, end)), info: TextInfo = JSON.parse(text);
  const ranksAt = json - 4 * info.words, countsAt = ranksAt - 8 * info.words;
  const wordsAt = 4 * info.blocks.reduce((sum, { tokens }) => sum + tokens, 0);
  const table = WordTable.of(file.read(wordsAt, countsAt))!;
  const counts = numbersAt(file, countsAt, info.words, Float64Array);
  const ranks = numbersAt(file, ranksAt, info.words, Uint32Array);
  return { file, info, counts: new WordCounts(table, counts, info.sentences), words: ranks };
}

/** Whether the file's hash is that of its content. */
function isWhole(file: ByteSource, onRead: (bytes: number) => void): boolean {
  const hash = createHash("sha256").update(VERSION), end = file.size - HASH_BYTES;
  for (const bytes of chunksOf(file, 0, end)) {
    hash.update(bytes);
    onRead(bytes.length);
  }
  return file.read(end, file.size).toHex() === hash.digest("hex");
}

function numbersAt<A>(
  file: ByteSource,
  at: number,
  count: number,
  Numbers: { new (buffer: ArrayBuffer): A; BYTES_PER_ELEMENT: number },
): A {
  return new Numbers(ownBuffer(file.read(at, at + count * Numbers.BYTES_PER_ELEMENT)));
}
