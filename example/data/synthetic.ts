/** Text of the synthetic language, with the best perplexity that any model can expect. */

import { Philox } from "../../kernels/random/mod.ts";
import { isSynthetic } from "../options/choices.ts";
import { UsageError } from "../shared/errors.ts";
import { MIN_VOCABULARY, SyntheticLanguage } from "./language.ts";
import { SentencesBuilder } from "./sentences.ts";
import { idsOf, Vocabulary } from "./vocab.ts";
import { WordCounts } from "./word_counts.ts";
import { WordTable } from "./word_table.ts";

/** Parameters of the text. */
export interface SyntheticOptions {
  /** Number of words in the training text; validation and test text have a tenth each. */
  readonly words: number;
  /** Number of distinct words in the language. */
  readonly vocab: number;
  /** Seed of the language and of the text. */
  readonly seed: number;
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
 * Generates the text in the form of a corpus; it is a function of the options.
 *
 * @param options The text; `testWords` is the size of the validation and of the test text.
 * @param table The words to know; those of the language unless given.
 */
export function synthesize(
  { words, vocab, seed, testWords = testSize(words) }:
    & SyntheticOptions
    & { readonly testWords?: number },
  table?: WordTable,
) {
  const language = new SyntheticLanguage(vocab, seed), counts = new Float64Array(vocab);
  const generate = (part: TextPart, size: number) => {
    const text = new SentencesBuilder(), best = new BestPerplexity(language);
    for (const sentence of generateText(language, size, randomOf(part, seed))) {
      text.add(sentence);
      if (part === "train") sentence.forEach((word) => counts[word]!++);
      else best.add(sentence);
    }
    return { text, best };
  };
  const train = generate("train", words);
  const valid = generate("valid", testWords), test = generate("test", testWords);
  const occurrences = new WordCounts(language.words, counts, train.text.length);
  // Words that the training text lacks keep an id: they may occur in the other texts.
  const vocabulary = Vocabulary.fromCounts(occurrences, {
    words: table ?? WordTable.of(occurrences.sorted().joined)!,
  });
  const ids = idsOf(occurrences, vocabulary.table);
  const build = (text: SentencesBuilder) => text.build((word) => ids[word]!);
  return {
    vocabulary,
    occurrences,
    train: build(train.text),
    valid: build(valid.text),
    test: build(test.text),
    bestValidPerplexity: valid.best.perplexity,
    bestTestPerplexity: test.best.perplexity,
  };
}

/** The test text alone, as words, and the perplexity of the true distribution on it. */
export function synthesizeTest(
  { words, vocab, seed }: SyntheticOptions,
): { sentences: string[][]; bestTestPerplexity: number } {
  const language = new SyntheticLanguage(vocab, seed), best = new BestPerplexity(language);
  const sentences = [];
  for (const sentence of generateText(language, testSize(words), randomOf("test", seed))) {
    best.add(sentence);
    sentences.push(sentence.map((word) => language.words.text(word)));
  }
  return { sentences, bestTestPerplexity: best.perplexity };
}

/** Number of words in the validation and the test text, given that of the training text. */
function testSize(words: number): number {
  return Math.ceil(words / 10);
}

function isOption(name: string): name is keyof SyntheticOptions {
  return Object.hasOwn(RANGES, name);
}

/** Whole sentences of at least `size` words in total, as numbers of the language's words. */
export function* generateText(
  language: SyntheticLanguage,
  size: number,
  random: Philox,
): Generator<number[]> {
  for (let words = 0; words < size;) {
    const sentence = language.sample(random);
    yield sentence;
    words += sentence.length;
  }
}

/** A part of the text. */
export type TextPart = keyof typeof STREAM;

/** The random numbers that a part is made from. */
export function randomOf(part: TextPart, seed: number): Philox {
  return new Philox(seed, STREAM[part]);
}

/** Perplexity of the true probabilities over all words and closing marks: no model can expect less. */
export class BestPerplexity {
  readonly #language: SyntheticLanguage;
  #sum = 0;
  #tokens = 0;

  /** Of no text yet. */
  constructor(language: SyntheticLanguage) {
    this.#language = language;
  }

  /** The perplexity so far. */
  get perplexity(): number {
    return Math.exp(this.#sum / this.#tokens);
  }

  /** Adds a sentence. */
  add(sentence: readonly number[]): void {
    for (const p of this.#language.probabilities(sentence)) this.#sum -= Math.log(p);
    this.#tokens += sentence.length + 1;
  }
}
