/** The words that a model knows, their ids and their counts. */

import { Failure } from "../shared/errors.ts";

/** Id of the word that stands for all unknown words. */
export const UNK = 0;
/** Id of the mark at both ends of a sentence. */
export const BOS = 1;
/** Id of `</s>`. It ends no sentence; within a line it is a word. */
export const EOS = 2;
/** The words of ids 0, 1 and 2. */
const MARKS = ["<unk>", "<s>", "</s>"] as const;

/** How {@linkcode Vocabulary.fromCounts} chooses its words. */
export interface VocabularyOptions {
  /** Minimum occurrences of a word to keep, by default 1; ignored with `words`. */
  minFreq?: number;
  /** Keeps exactly these words, in this order, even if they do not occur. */
  words?: Iterable<string>;
}

/** Words by id and ids by word: `<unk>` 0, `<s>` 1, `</s>` 2, then the others. */
export class Vocabulary {
  /** The words by id. */
  readonly words: readonly string[];
  /** How often each id is a target in training; `<unk>` counts all words left out. */
  readonly counts: readonly number[];
  readonly #ids = new Map<string, number>();

  private constructor(words: readonly string[], counts: readonly number[]) {
    this.words = words;
    this.counts = counts;
    words.forEach((word, id) => this.#ids.set(word, id));
  }

  /**
   * Rebuilds a vocabulary from the `words` and `counts` of a model file.
   *
   * @throws {Failure} If they are no valid vocabulary. The message does not name the file.
   */
  static from(words: unknown, counts: unknown): Vocabulary {
    const fail = (why: string): never => {
      throw new Failure(`the vocabulary is damaged: ${why}`);
    };
    if (!Array.isArray(words) || !Array.isArray(counts)) {
      return fail("words and counts are not lists");
    }
    if (words.length !== counts.length) fail(`${words.length} words, ${counts.length} counts`);
    if (MARKS.some((mark, id) => words[id] !== mark)) fail(`it must begin with ${MARKS.join(" ")}`);
    const noText = words.findIndex((word) => typeof word !== "string" || word === "");
    if (noText >= 0) fail(`word ${noText} is not a text`);
    const bad = counts.findIndex((count) => !Number.isSafeInteger(count) || count < 0);
    if (bad >= 0) fail(`the count of word ${bad} is not a whole number from 0 up`);
    if (counts.every((count) => count === 0)) fail("no word was ever counted");
    const vocabulary = new Vocabulary([...words], [...counts]);
    if (vocabulary.#ids.size !== words.length) fail("a word is there twice");
    return vocabulary;
  }

  /**
   * Makes a vocabulary from the counts of the training text: words of at least `minFreq`
   * occurrences, the most frequent first, ties by code point; or exactly `words`.
   */
  static fromCounts(
    counted: WordCounts,
    { minFreq = 1, words }: VocabularyOptions = {},
  ): Vocabulary {
    if (!Number.isSafeInteger(minFreq) || minFreq < 1) {
      throw new RangeError(`Cannot keep words of frequency ${minFreq}: it must be at least 1`);
    }
    const chosen = words ??
      byFrequency(counted.words).flatMap(([word, count]) => count >= minFreq ? [word] : []);
    const list: string[] = [...MARKS];
    for (const word of chosen) if (!MARKS.some((mark) => mark === word)) list.push(word);
    const counts = list.map((word) => counted.words.get(word) ?? 0);
    counts[BOS]! += counted.sentences; // the end of each sentence
    const known = new Set(list);
    if (known.size < list.length) {
      throw new TypeError("Cannot make a vocabulary: a word is there twice");
    }
    for (const [word, count] of counted.words) if (!known.has(word)) counts[UNK]! += count;
    return new Vocabulary(list, counts);
  }

  /** Number of words, marks included. */
  get size(): number {
    return this.words.length;
  }

  /** Id of `word`; that of `<unk>` if the word is unknown. */
  id(word: string): number {
    return this.#ids.get(word) ?? UNK;
  }

  /** Ids of a sentence's words; `</s>` is also unknown if it was never a word in training. */
  encode(words: readonly string[]): number[] {
    const unknownEos = this.counts[EOS] === 0;
    return words.map((word) => this.id(word)).map((id) => id === EOS && unknownEos ? UNK : id);
  }

  /** The word with an id. */
  word(id: number): string {
    const word = this.words[id];
    if (word !== undefined) return word;
    throw new RangeError(`There is no word ${id}: ids go from 0 to ${this.size - 1}`);
  }

  /** Whether the other vocabulary has the same words with the same ids and counts. */
  equals(other: Vocabulary): boolean {
    return this.size === other.size &&
      this.words.every((word, id) => word === other.words[id]) &&
      this.counts.every((count, id) => count === other.counts[id]);
  }
}

/** The words of a text and their counts. */
export class WordCounts {
  /** Occurrences of each word, without the marks that begin and end a sentence. */
  readonly words = new Map<string, number>();
  /** Number of sentences. */
  sentences = 0;

  /** Counts a sentence. */
  add(words: readonly string[]): void {
    for (const word of words) this.words.set(word, (this.words.get(word) ?? 0) + 1);
    this.sentences++;
  }
}

/** The content of `freq.txt`: every word that occurs with its count, including the end of sentence. */
export function frequencyText({ words, sentences }: WordCounts): string {
  const all = new Map(words);
  for (const mark of ["<s>", "</s>"]) all.set(mark, (all.get(mark) ?? 0) + sentences);
  return byFrequency(all).map(([word, count]) => `${word} ${count}\n`).join("");
}

/** Words and counts, the most frequent first, ties by code point. */
export function byFrequency(counts: Iterable<[string, number]>): [string, number][] {
  return [...counts].sort(([a, n], [b, m]) => m - n || compareCodePoints(a, b));
}

/** Compares by code point. JavaScript compares by UTF-16 unit, which puts some CJK characters last. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i);
    if (x === y) continue;
    // A surrogate belongs to a code point above all single-unit ones.
    const xHigh = isSurrogate(x), yHigh = isSurrogate(y);
    return xHigh === yHigh ? x - y : xHigh ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
