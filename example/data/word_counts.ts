/** Counts the words of a text, and puts them in order of frequency. */

import { grow, WordTable } from "./word_table.ts";
import type { LineWords } from "./line_words.ts";

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
  add(from: Uint8Array, start = 0, end = from.length): number {
    const word = this.table.add(from, start, end);
    if (word >= this.#counts.length) this.#counts = grow(this.#counts, word + 1);
    this.#counts[word]!++;
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
    const { table, counts } = this, order = byFallingCount(counts);
    const compare = (a: number, b: number) => table.compare(a, b);
    for (let begin = 0, end = 1; begin < order.length; begin = end++) {
      while (end < order.length && counts[order[end]!] === counts[order[begin]!]) end++;
      const words = order.subarray(begin, end);
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
    return {
      joined,
      counts: new Float64Array(order.length).map((_, i) => this.#counts[order[i]!]!),
      ranks,
    };
  }
}

/** The places of counts, the largest first, equal ones in order. Millions of counts have few different values. */
export function byFallingCount(counts: Float64Array): Uint32Array<ArrayBuffer> {
  const same = new Map<number, number>();
  for (const count of counts) same.set(count, (same.get(count) ?? 0) + 1);
  const next = new Map<number, number>(), order = new Uint32Array(counts.length);
  let begin = 0;
  for (const count of [...same.keys()].sort((a, b) => b - a)) {
    next.set(count, begin);
    begin += same.get(count)!;
  }
  counts.forEach((count, place) => {
    const at = next.get(count)!;
    order[at] = place;
    next.set(count, at + 1);
  });
  return order;
}

/** The lines of `freq.txt`: every word that occurs with its count, including the end of sentence. */
export function* frequencyLines(counted: WordCounts): Generator<string> {
  const { table, counts, sentences } = counted;
  const marks = ["<s>", "</s>"].map((word) => {
    const number = table.findText(word);
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
