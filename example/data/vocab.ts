/** The words that a model knows, their ids and their counts. */

import { Failure } from "../shared/errors.ts";
import { upTo } from "./shuffle.ts";
import type { WordCounts } from "./word_counts.ts";
import { WordTable } from "./word_table.ts";

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
  readonly minFreq?: number;
  /** Keeps exactly these words, in this order, even if they do not occur. */
  readonly words?: WordTable;
}

/** Words by id and ids by word: `<unk>` 0, `<s>` 1, `</s>` 2, then the others. */
export class Vocabulary {
  /** The words; their numbers are the ids. */
  readonly table: WordTable;
  /** How often each id is a target in training; `<unk>` counts all words left out. */
  readonly counts: Float64Array<ArrayBuffer>;

  private constructor(table: WordTable, counts: Float64Array<ArrayBuffer>) {
    this.table = table;
    this.counts = counts;
  }

  /**
   * Rebuilds a vocabulary from its table and its counts.
   *
   * @throws {Failure} If they are no valid vocabulary. The message does not name the file.
   */
  static fromTable(table: WordTable, counts: Float64Array<ArrayBuffer>): Vocabulary {
    const marks = MARKS.map((mark) => table.findText(mark)).join();
    if (marks !== "0,1,2") damaged(`it must begin with ${MARKS.join(" ")}`);
    if (table.size !== counts.length) damaged(`${table.size} words, ${counts.length} counts`);
    const empty = table.find(new Uint8Array());
    if (empty >= 0) damaged(`word ${empty} is not a text`);
    const bad = counts.findIndex((count) => !Number.isSafeInteger(count) || count < 0);
    if (bad >= 0) damaged(`the count of word ${bad} is not a whole number from 0 up`);
    if (counts.every((count) => count === 0)) damaged("no word was ever counted");
    return new Vocabulary(table, counts);
  }

  /**
   * The same from lists, which files of other programs have.
   *
   * @throws {Failure} As {@linkcode Vocabulary.fromTable}.
   */
  static from(words: unknown, counts: unknown): Vocabulary {
    if (!Array.isArray(words) || !Array.isArray(counts)) {
      return damaged("words and counts are not lists");
    }
    const table = new WordTable();
    for (const [id, word] of words.entries()) {
      if (typeof word !== "string" || !isWord(word)) return damaged(`word ${id} is not a text`);
      if (table.addText(word) < id) damaged(`word ${id} is there twice`);
    }
    const isNumber = (count: unknown) => typeof count === "number" ? count : NaN;
    return Vocabulary.fromTable(table, Float64Array.from(counts, isNumber));
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
    const most = words ?? counted.table;
    const table = new WordTable(
      most.size + MARKS.length,
      most.joined.length + MARKS.join().length + 1,
    );
    for (const mark of MARKS) table.addText(mark);
    const order = words
      ? upTo(words.size)
      : counted.order().filter((word) => counted.counts[word]! >= minFreq);
    for (const word of order) table.addFrom(most, word);
    const counts = new Float64Array(table.size), ids = idsOf(counted, table);
    counted.counts.forEach((count, word) => counts[ids[word]!]! += count);
    counts[BOS]! += counted.sentences; // the end of each sentence
    return new Vocabulary(table, counts);
  }

  /** Number of words, marks included. */
  get size(): number {
    return this.table.size;
  }

  /** Id of `word`; that of `<unk>` if the word is unknown. */
  id(word: string): number {
    return Math.max(UNK, this.table.findText(word));
  }

  /** Ids of a sentence's words; `</s>` is also unknown if it was never a word in training. */
  encode(words: readonly string[]): number[] {
    return words.map((word) => this.#known(this.table.findText(word)));
  }

  /** The same for a word as bytes: `line` from `start` up to `end`. */
  idAt(line: Uint8Array, start: number, end: number): number {
    return this.#known(this.table.find(line, start, end));
  }

  #known(id: number): number {
    return id < 0 || (id === EOS && this.counts[EOS] === 0) ? UNK : id;
  }

  /** The word with an id. */
  word(id: number): string {
    if (Number.isSafeInteger(id) && id >= 0 && id < this.size) return this.table.text(id);
    throw new RangeError(`There is no word ${id}: ids go from 0 to ${this.size - 1}`);
  }
}

/** The id that `table` has for each counted word; that of `<unk>` for others. */
export function idsOf(counted: WordCounts, table: WordTable): Uint32Array<ArrayBuffer> {
  return new Uint32Array(counted.table.size)
    .map((_, word) => Math.max(UNK, table.findFrom(counted.table, word)));
}

/** Whether a word can be kept: texts are, but a line break would end it. */
function isWord(word: string): boolean {
  return word !== "" && word.isWellFormed() && !word.includes("\n");
}

function damaged(why: string): never {
  throw new Failure(`the vocabulary is damaged: ${why}`);
}
