/** Text of the synthetic language, with the best perplexity that any model can expect. */

import { Philox } from "../../kernels/random/mod.ts";
import { isSynthetic } from "../options/settings.ts";
import { UsageError } from "../shared/errors.ts";
import { MIN_VOCABULARY, SyntheticLanguage } from "./language.ts";
import { type Sentences, SentencesBuilder } from "./sentences.ts";
import { byFrequency, Vocabulary, WordCounts } from "./vocab.ts";

/** Parameters of the text. */
export interface SyntheticOptions {
  /** Number of words in the training text; validation and test text have a tenth each. */
  readonly words: number;
  /** Number of distinct words in the language. */
  readonly vocab: number;
  /** Seed of the language and of the text. */
  readonly seed: number;
}

/** A text with known true probabilities. */
export interface SyntheticText {
  /** All words of the language, including those that the training text lacks. */
  readonly vocabulary: Vocabulary;
  /** The words of the training text, for `freq.txt`. */
  readonly occurrences: WordCounts;
  /** The training text. */
  readonly train: Sentences;
  /** The validation text. */
  readonly valid: Sentences;
  /** The test text. */
  readonly test: Sentences;
  /** Perplexity of the true distribution on the validation text. */
  readonly bestValidPerplexity: number;
  /** Perplexity of the true distribution on the test text. */
  readonly bestTestPerplexity: number;
}

const NAME = "synthetic";
const DEFAULTS: SyntheticOptions = { words: 100_000, vocab: 500, seed: 1 };
const RANGES: Record<keyof SyntheticOptions, readonly [number, number]> = {
  words: [1000, 20_000_000],
  vocab: [MIN_VOCABULARY, 2_000_000],
  seed: [0, Number.MAX_SAFE_INTEGER],
};
/** Random streams of the text. */
const STREAM = { train: 0x53594e10, valid: 0x53594e11, test: 0x53594e12 } as const;

/**
 * Reads `synthetic[:words=...,vocab=...,seed=...]`.
 *
 * @throws {UsageError} If a name is unknown or repeated, or a value is out of range.
 */
export function parseSynthetic(spec: string): SyntheticOptions {
  if (!isSynthetic(spec)) throw new UsageError(`"${spec}" is not "${NAME}[:name=value,...]"`);
  const options = { ...DEFAULTS }, given = new Set<string>();
  const settings = spec === NAME ? [] : spec.slice(NAME.length + 1).split(",");
  for (const setting of settings) {
    const [name = "", value = "", ...rest] = setting.split("=");
    const fail = (why: string): never => {
      throw new UsageError(`Cannot use "${setting}" of --data ${spec}: ${why}`);
    };
    if (!isOption(name)) return fail(`the settings are ${Object.keys(RANGES).join(", ")}`);
    if (given.has(name)) return fail(`${name} is given twice`);
    const [least, most] = RANGES[name], number = Number(value);
    if (!/^\d+$/.test(value) || rest.length > 0 || number < least || number > most) {
      return fail(`${name} must be a whole number from ${least} to ${most}`);
    }
    given.add(name);
    options[name] = number;
  }
  return options;
}

/**
 * Generates the text; it is a function of the options.
 *
 * @param options The text; `testWords` is the size of the validation and of the test text.
 */
export function synthesize(
  { words, vocab, seed, testWords = testSize(words) }:
    & SyntheticOptions
    & { readonly testWords?: number },
): SyntheticText {
  const language = new SyntheticLanguage(vocab, seed);
  const generate = (part: keyof typeof STREAM, size: number) =>
    generateText(language, size, new Philox(seed, STREAM[part]));
  const parts = {
    train: generate("train", words),
    valid: generate("valid", testWords),
    test: generate("test", testWords),
  };
  const occurrences = new WordCounts();
  for (const sentence of parts.train) {
    occurrences.add(sentence.map((word) => language.words[word]!));
  }
  // Words that the training text lacks keep an id: they may occur in the other texts.
  const counted = language.words.map((
    word,
  ): [string, number] => [word, occurrences.words.get(word) ?? 0]);
  const sorted = byFrequency(counted).map(([word]) => word);
  const vocabulary = Vocabulary.fromCounts(occurrences, { words: sorted });
  const ids = language.words.map((word) => vocabulary.id(word));
  return {
    vocabulary,
    occurrences,
    train: encode(parts.train, ids),
    valid: encode(parts.valid, ids),
    test: encode(parts.test, ids),
    bestValidPerplexity: perplexity(language, parts.valid),
    bestTestPerplexity: perplexity(language, parts.test),
  };
}

/** The test text alone, as words, and the perplexity of the true distribution on it. */
export function synthesizeTest(
  { words, vocab, seed }: SyntheticOptions,
): { sentences: string[][]; bestTestPerplexity: number } {
  const language = new SyntheticLanguage(vocab, seed);
  const test = generateText(language, testSize(words), new Philox(seed, STREAM.test));
  return {
    sentences: test.map((sentence) => sentence.map((word) => language.words[word]!)),
    bestTestPerplexity: perplexity(language, test),
  };
}

/** Number of words in the validation and the test text, given that of the training text. */
function testSize(words: number): number {
  return Math.ceil(words / 10);
}

function isOption(name: string): name is keyof SyntheticOptions {
  return Object.hasOwn(RANGES, name);
}

/** Whole sentences of at least `size` words in total, as indices of the language's words. */
export function generateText(
  language: SyntheticLanguage,
  size: number,
  random: Philox,
): number[][] {
  const sentences: number[][] = [];
  for (let words = 0; words < size;) {
    const sentence = language.sample(random);
    sentences.push(sentence);
    words += sentence.length;
  }
  return sentences;
}

function encode(sentences: readonly number[][], ids: readonly number[]): Sentences {
  const builder = new SentencesBuilder();
  for (const sentence of sentences) builder.add(sentence.map((word) => ids[word]!));
  return builder.build();
}

/** Perplexity of the true probabilities over all words and closing marks. */
function perplexity(language: SyntheticLanguage, sentences: readonly number[][]): number {
  let sum = 0, tokens = 0;
  for (const sentence of sentences) {
    const state = language.start();
    for (const word of sentence) {
      sum -= Math.log(language.wordProbability(state, word));
      language.advance(state, word);
    }
    sum -= Math.log(language.endProbability(state));
    tokens += sentence.length + 1;
  }
  return Math.exp(sum / tokens);
}
