/**
 * A synthetic language with known conditional probabilities.
 *
 * A sentence has a hidden topic, drawn once. Its first word, the opener, hints at the topic. Word
 * classes then follow a Markov chain. A function class has one word list for all topics; a content
 * class has a list for each topic, and its words mostly come from the sentence's own topic. Words within
 * a list follow Zipf's law. After a function word, only earlier words reveal the topic, so a bigram model
 * is clearly worse than the true distribution, but a recurrent one can reach it. Every word belongs to
 * one list, so the hidden topic is summed out exactly.
 */

import { Philox } from "../../kernels/random/mod.ts";
import { drawPlace, runningSum } from "../shared/search.ts";
import { shuffle } from "./shuffle.ts";
import { WordTable } from "./word_table.ts";

/** Random streams of the generator, separate from noise, dropout and weights. */
const STREAM = { words: 0x53594e00, grammar: 0x53594e01 } as const;

const TOPICS = 3;
const FUNCTION_CLASSES = 2;
const CONTENT_CLASSES = 2;
/** The class of a sentence's first word; it has one word for each topic. */
const OPENER = FUNCTION_CLASSES + CONTENT_CLASSES;
const CLASSES = OPENER + 1;
/** Fraction of the vocabulary that is function words. */
const FUNCTION_SHARE = 0.02;
/** Probability that a class of the other kind follows, for function and content classes. */
const KIND_CHANGE = { function: 0.9, content: 0.75 } as const;
/** Split of a kind's probability over its classes, in a seeded order. */
const SPLIT = { function: [0.75, 0.25], content: [0.8, 0.2] } as const;
/** Zipf's exponent within a list; over the whole vocabulary the slope is near 1. */
const ZIPF = 1.2;
/** Probability that an opener or content word is drawn from the sentence's own topic; otherwise all are equal. */
const LOYALTY = 0.9;
/** Room for the longest word that any number of words needs. */
const MAX_LETTERS = 32;
const ENCODER = new TextEncoder();
const MIN_WORDS = 5;
const MAX_WORDS = 30;

/** The fewest words a language can have: each word list needs a few. */
export const MIN_VOCABULARY = 100;

/** State of a sentence: everything that its next word depends on. */
export interface SentenceState {
  /** Number of words so far. */
  length: number;
  /** Class of the last word, or `CLASSES` at the start of the sentence. */
  lastClass: number;
  /** Probability of each topic given the words so far. */
  topics: Float64Array;
}

/** A language, determined by a seed and a number of words. */
export class SyntheticLanguage {
  /** The words, all different, the most frequent of each kind first. */
  readonly words: WordTable;
  readonly #class: Uint8Array;
  readonly #topic: Uint8Array;
  /** Probability of a word within its list. */
  readonly #within: Float64Array;
  /** The words of each list, and their cumulative probabilities. */
  readonly #lists: { words: number[]; cumulative: Float64Array }[] = Array.from(
    { length: listIndex(CLASSES, 0) },
    () => ({ words: [], cumulative: new Float64Array() }),
  );
  /** `#next[c][d]`: probability that class d follows class c; the last row is the start of a sentence. */
  readonly #next: readonly (readonly number[])[];
  /** The same, cumulative. */
  readonly #cumulativeNext: readonly Float64Array[];

  /** Makes the language of `vocab` words, {@linkcode MIN_VOCABULARY} at least, for `seed`. */
  constructor(vocab: number, seed: number) {
    this.words = makeWords(vocab, new Philox(seed, STREAM.words));
    this.#next = makeGrammar(new Philox(seed, STREAM.grammar));
    this.#cumulativeNext = this.#next.map(runningSum);
    this.#class = new Uint8Array(vocab);
    this.#topic = new Uint8Array(vocab);
    this.#within = new Float64Array(vocab);
    this.#fillLists(vocab);
  }

  /** The state before the first word: every topic is equally likely. */
  start(): SentenceState {
    return { length: 0, lastClass: CLASSES, topics: new Float64Array(TOPICS).fill(1 / TOPICS) };
  }

  /** Probability that the sentence ends here. */
  endProbability(state: SentenceState): number {
    return Math.max(0, state.length - MIN_WORDS + 1) / (MAX_WORDS - MIN_WORDS + 1);
  }

  /** Probability that `word` comes next, with the topic summed out. */
  wordProbability(state: SentenceState, word: number): number {
    const wordClass = this.#class[word]!;
    let seen = 0;
    for (let z = 0; z < TOPICS; z++) seen += state.topics[z]! * this.#topicFit(word, z);
    return (1 - this.endProbability(state)) * this.#next[state.lastClass]![wordClass]! * seen *
      this.#within[word]!;
  }

  /** Advances `state` by `word`. */
  advance(state: SentenceState, word: number): void {
    let sum = 0;
    for (let z = 0; z < TOPICS; z++) sum += state.topics[z]! *= this.#topicFit(word, z);
    for (let z = 0; z < TOPICS; z++) state.topics[z]! /= sum;
    state.length++;
    state.lastClass = this.#class[word]!;
  }

  /** Probabilities of the words of a sentence, each after those before it, and of its end. */
  *probabilities(sentence: readonly number[]): Generator<number> {
    const state = this.start();
    for (const word of sentence) {
      yield this.wordProbability(state, word);
      this.advance(state, word);
    }
    yield this.endProbability(state);
  }

  /** Draws a sentence. */
  sample(random: Philox): number[] {
    const topic = random.below(TOPICS);
    const sentence: number[] = [];
    const state = this.start();
    while (random.uniform() >= this.endProbability(state)) {
      const nextClass = drawPlace(this.#cumulativeNext[state.lastClass]!, random);
      const own = random.uniform() < LOYALTY ? topic : random.below(TOPICS);
      const list = this.#lists[listIndex(nextClass, own)]!;
      sentence.push(list.words[drawPlace(list.cumulative, random)]!);
      state.length++;
      state.lastClass = nextClass;
    }
    return sentence;
  }

  /** Probability that a sentence of topic `z` uses this word's list, given the word's class. */
  #topicFit(word: number, z: number): number {
    if (this.#class[word]! < FUNCTION_CLASSES) return 1;
    return (this.#topic[word] === z ? LOYALTY : 0) + (1 - LOYALTY) / TOPICS;
  }

  /** Distributes the words so that each list has frequent and rare ones, and applies Zipf's law. */
  #fillLists(vocab: number): void {
    const functionWords = Math.round(vocab * FUNCTION_SHARE);
    for (let word = 0; word < vocab; word++) {
      const rank = word - functionWords;
      let wordClass = OPENER;
      if (rank < 0) wordClass = word % FUNCTION_CLASSES;
      else if (rank >= TOPICS) {
        wordClass = FUNCTION_CLASSES + Math.floor(rank / TOPICS) % CONTENT_CLASSES;
      }
      this.#class[word] = wordClass;
      this.#topic[word] = rank < 0 ? 0 : rank % TOPICS;
      this.#lists[listIndex(wordClass, this.#topic[word]!)]!.words.push(word);
    }
    for (const list of this.#lists) {
      const zipf = list.words.map((_, rank) => (rank + 1) ** -ZIPF);
      const sum = zipf.reduce((a, b) => a + b, 0);
      list.words.forEach((word, rank) => this.#within[word] = zipf[rank]! / sum);
      list.cumulative = runningSum(list.words.map((word) => this.#within[word]!));
    }
  }
}

/** Index of the word list of a class and a topic; function classes have one list for all topics. */
function listIndex(wordClass: number, topic: number): number {
  if (wordClass < FUNCTION_CLASSES) return wordClass;
  return FUNCTION_CLASSES + (wordClass - FUNCTION_CLASSES) * TOPICS + topic;
}

/** Transition probabilities between classes; the last row is the start of a sentence. */
function makeGrammar(random: Philox): number[][] {
  const rows: number[][] = [];
  for (let from = 0; from < CLASSES; from++) {
    const toFunction = from < FUNCTION_CLASSES ? 1 - KIND_CHANGE.function : KIND_CHANGE.content;
    rows.push([
      ...shuffle([...SPLIT.function], random).map((p) => p * toFunction),
      ...shuffle([...SPLIT.content], random).map((p) => p * (1 - toFunction)),
      0,
    ]);
  }
  rows.push(rows[OPENER]!.map((_, to) => to === OPENER ? 1 : 0));
  return rows;
}

/** Pronounceable, distinct words; frequent words are shorter. */
function makeWords(vocab: number, random: Philox): WordTable {
  const [consonants, vowels] = ["bdfklmnprstvz", "aeiou"].map((text) => ENCODER.encode(text));
  const syllables = consonants!.length * vowels!.length, word = new Uint8Array(MAX_LETTERS);
  const words = new WordTable(), pick = (from: Uint8Array) => from[random.below(from.length)]!;
  while (words.size < vocab) {
    // Long enough that most words of this length are still free.
    const letters = 2 * Math.ceil(Math.log(4 * (words.size + 1)) / Math.log(syllables));
    for (let i = 0; i < letters; i += 2) {
      word[i] = pick(consonants!);
      word[i + 1] = pick(vowels!);
    }
    words.add(word, 0, letters);
  }
  return words;
}
