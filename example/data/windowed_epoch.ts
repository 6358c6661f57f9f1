/** An epoch of a text beyond memory: windows of blocks in random order, read one after another. */

import { Philox } from "../../kernels/random/mod.ts";
import { isFromBatch } from "../options/choices.ts";
import { firstIndex } from "../shared/search.ts";
import { countRows, type LengthCounts } from "./best_fit.ts";
import { type BatchSettings, Epoch, ORDER_STREAM, piecesOf } from "./epoch.ts";
import type { Block } from "./id_file.ts";
import type { LargeText } from "./large_text.ts";
import { type Rows, shuffledRows } from "./pack.ts";
import { type Row, RowBatch } from "./row_batch.ts";
import type { Sentences } from "./sentences.ts";
import { shuffle, upTo } from "./shuffle.ts";
import { rowsOfBatch } from "./whole_epoch.ts";

/** The window in memory. */
interface Window {
  readonly number: number;
  readonly sentences: Sentences;
  readonly rows: Rows;
  readonly batchOf: (rows: readonly Row[]) => RowBatch;
}

/**
 * Each window is some of the blocks, chosen anew in each epoch, and its rows are shuffled. A row that would
 * be alone at a window's end joins the batch before. How many batches a window has follows from
 * the lengths of its sentences, so none has to be read for it.
 */
export class WindowedEpoch extends Epoch {
  override readonly length: number;
  readonly #text: LargeText;
  readonly #settings: BatchSettings;
  readonly #epoch: number;
  /** The blocks in order: those of the first window, then of the next. */
  readonly #blocks: Uint32Array;
  /** The first batch of each window, then the number of all. */
  readonly #begins: readonly number[];
  /** Maximum number of steps in a row, and number of rows in a batch. */
  readonly #longest: number;
  readonly #count: number;
  #window: Window | undefined;

  constructor(text: LargeText, settings: BatchSettings, epoch: number) {
    super();
    const { seed, noise } = settings;
    this.#text = text;
    this.#settings = settings;
    this.#epoch = epoch;
    this.#blocks = shuffle(upTo(text.blocks.length), new Philox(seed, ORDER_STREAM, epoch));
    const all = countPieces(text.blocks, settings);
    const pieces = [...all.values()].reduce((sum, count) => sum + count, 0);
    this.#longest = Math.max(...all.keys());
    // If noise comes from the batch, a lone row of one word would have none.
    const least = isFromBatch(noise) ? 2 : 1;
    this.#count = Math.max(least, rowsOfBatch(settings, text.tokens / pieces, this.#longest));
    const begins = [0];
    for (let at = 0; at < this.#blocks.length; at += text.window) {
      const rows = countRows(countPieces(this.#blocksOf(at), settings), this.#longest);
      begins.push(begins.at(-1)! + this.#batchesOf(rows));
    }
    this.#begins = begins;
    this.length = begins.at(-1)!;
  }

  override at(i: number): RowBatch {
    const number = firstIndex(this.#begins.length - 2, (window) => this.#begins[window + 1]! > i);
    return this.#batch(this.#open(number), i - this.#begins[number]!);
  }

  override largest(): RowBatch {
    const window = this.#open(0), batches = this.#begins[1]!;
    return this.#batch(window, Math.min(batches - 1, window.rows.largest(this.#count)));
  }

  #batch({ rows, batchOf }: Window, i: number): RowBatch {
    const isLast = i === this.#batchesOf(rows.length) - 1;
    return batchOf(rows.slice(i * this.#count, isLast ? rows.length : (i + 1) * this.#count));
  }

  /** Number of batches of a window; a single row at the end is no batch of its own. */
  #batchesOf(rows: number): number {
    return Math.max(1, Math.ceil(rows / this.#count) - (rows % this.#count === 1 ? 1 : 0));
  }

  #open(number: number): Window {
    const { current } = this.#text, before = this.#window;
    if (before?.number === number && before.sentences === current) return before;
    this.#window = undefined;
    const { seed, noise } = this.#settings, at = number * this.#text.window;
    const sentences = this.#text.read(this.#blocks.subarray(at, at + this.#text.window));
    const pieces = piecesOf(sentences, this.#settings), wordsPastEnd = isFromBatch(noise);
    const random = new Philox(seed, ORDER_STREAM + 1 + number, this.#epoch);
    return this.#window = {
      number,
      sentences,
      rows: shuffledRows(pieces.lengths, this.#longest, random),
      batchOf: (rows) => new RowBatch(sentences.ids, pieces, rows, { wordsPastEnd }),
    };
  }

  #blocksOf(at: number): Block[] {
    const blocks = this.#blocks.subarray(at, at + this.#text.window);
    return Array.from(blocks, (block) => this.#text.blocks[block]!);
  }
}

/** Number of pieces of each length that blocks are cut into. */
function countPieces(blocks: readonly Block[], settings: BatchSettings): LengthCounts {
  const counts = new Map<number, number>(), sentences = new Map<number, number>();
  const add = (to: Map<number, number>, key: number, count: number) =>
    to.set(key, (to.get(key) ?? 0) + count);
  const tokens = blocks.reduce((sum, block) => sum + block.tokens, 0);
  const lengths = settings.concat
    ? [[tokens, 1] as const]
    : blocks.flatMap((block) => block.lengths);
  for (const [length, n] of lengths) add(sentences, length, n);
  for (const [length, n] of sentences) {
    const text = { offsets: Uint32Array.of(0, length), tokens: length };
    for (const piece of piecesOf(text, settings).lengths) add(counts, piece, n);
  }
  return counts;
}
