/** Counts the words of a text, and puts them in order of frequency. */

import { grow, WordTable } from "./word_table.ts";
import type { LineWords } from "./line_words.ts";

const ENCODER = new TextEncoder();
const NEWLINE = 10;

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
  addLine({ bytes, bounds, first, end }: LineWords, into: Uint32Array, at: number): void {
    for (let i = first; i < end; i++) {
      into[at + i - first] = this.add(bytes, bounds[2 * i], bounds[2 * i + 1]);
    }
    this.sentences++;
  }

  /** The words by number, the most frequent first, ties by code point. */
  order(): Uint32Array<ArrayBuffer> {
    const { table, counts } = this, order = new Uint32Array(table.size);
    const same = new Map<number, number>();
    for (const count of counts) same.set(count, (same.get(count) ?? 0) + 1);
    // Where the words of each count begin: there are few different counts.
    const next = new Map<number, number>(), frequencies = [...same.keys()].sort((a, b) => b - a);
    let begin = 0;
    for (const count of frequencies) {
      next.set(count, begin);
      begin += same.get(count)!;
    }
    for (const [word, count] of counts.entries()) {
      const at = next.get(count)!;
      order[at] = word;
      next.set(count, at + 1);
    }
    const compare = (a: number, b: number) => table.compare(a, b);
    for (const count of frequencies) {
      const end = next.get(count)!, words = order.subarray(end - same.get(count)!, end);
      if (words.some((word, i) => i > 0 && compare(words[i - 1]!, word) > 0)) words.sort(compare);
    }
    return order;
  }

  /** The words in order of frequency, each with a newline behind it; their counts; each word's place in it. */
  sorted(): {
    joined: Uint8Array<ArrayBuffer>;
    counts: Float64Array<ArrayBuffer>;
    ranks: Uint32Array<ArrayBuffer>;
  } {
    const { table } = this, order = this.order(), ranks = new Uint32Array(order.length);
    const joined = new Uint8Array(table.joined.length).fill(NEWLINE);
    let at = 0;
    order.forEach((word, rank) => {
      const bytes = table.bytes(word);
      joined.set(bytes, at);
      at += bytes.length + 1;
      ranks[word] = rank;
    });
    return { joined, counts: Float64Array.from(order, (word) => this.#counts[word]!), ranks };
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
