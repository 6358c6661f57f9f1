/** Counts the words of a text, and puts them in order of frequency. */

import { grow, WordTable } from "./word_table.ts";
import type { LineWords } from "./line_words.ts";

const ENCODER = new TextEncoder();

/** Different words and how often each occurs in a text. */
export class WordCounts {
  /** The words, in any order. */
  readonly table: WordTable;
  /** Number of sentences. */
  sentences: number;
  #counts: Float64Array<ArrayBuffer>;

  /** Starts empty, or with words that were counted before. */
  constructor(
    table = new WordTable(),
    counts: Float64Array<ArrayBuffer> = new Float64Array(1 << 6),
    sentences = 0,
  ) {
    this.table = table;
    this.sentences = sentences;
    this.#counts = counts;
  }

  /** Occurrences of each word, without the marks that begin and end a sentence, as a view. */
  get counts(): Float64Array<ArrayBuffer> {
    return this.#counts.subarray(0, this.table.size);
  }

  /** Counts a word; gives its number. */
  add(from: Uint8Array, start = 0, end = from.length, times = 1): number {
    const word = this.table.add(from, start, end);
    if (word >= this.#counts.length) this.#counts = grow(this.#counts, word + 1);
    this.#counts[word]! += times;
    return word;
  }

  /** Counts a sentence, and puts the numbers of its words into `into` from `at` on. */
  addLine({ line, bounds, first, end }: LineWords, into: Uint32Array, at: number): void {
    for (let i = first; i < end; i++) {
      into[at + i - first] = this.add(line, bounds[2 * i], bounds[2 * i + 1]);
    }
    this.sentences++;
  }

  /** The words by number, the most frequent first, ties by code point. */
  order(): Uint32Array<ArrayBuffer> {
    const { table, counts } = this, order = new Uint32Array(table.size).map((_, word) => word);
    const compare = (a: number, b: number) => counts[b]! - counts[a]! || table.compare(a, b);
    return order.some((word) => word > 0 && compare(word - 1, word) > 0)
      ? order.sort(compare)
      : order;
  }

  /** The same words, numbered in order of frequency, and each word's new number. */
  sorted(): { counts: WordCounts; ranks: Uint32Array<ArrayBuffer> } {
    const order = this.order(), sorted = new WordCounts(), ranks = new Uint32Array(order.length);
    order.forEach((word, rank) => {
      sorted.add(this.table.bytes(word), undefined, undefined, this.counts[word]);
      ranks[word] = rank;
    });
    sorted.sentences = this.sentences;
    return { counts: sorted, ranks };
  }
}

/** The lines of `freq.txt`: every word that occurs with its count, including the end of sentence. */
export function* frequencyLines(counted: WordCounts): Generator<string> {
  const { table, counts, sentences } = counted;
  const marks = ["<s>", "</s>"].map((word) => {
    const number = table.find(ENCODER.encode(word));
    return { word, number, count: sentences + (counts[number] ?? 0) };
  }).sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1));
  const numbers = marks.map(({ number }) => number);
  for (const word of counted.order()) {
    const text = table.text(word), count = counts[word]!;
    if (count === 0 || numbers.includes(word)) continue;
    while (
      marks[0] && (marks[0].count > count || (marks[0].count === count && marks[0].word < text))
    ) {
      yield lineOf(marks.shift()!);
    }
    yield lineOf({ word: text, count });
  }
  for (const mark of marks) yield lineOf(mark);
}

function lineOf({ word, count }: { word: string; count: number }): string {
  return `${word} ${count}\n`;
}
