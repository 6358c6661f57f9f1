// The synthetic language: true probabilities, the best perplexity, what a bigram model misses.

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { UsageError } from "../../../example/shared/errors.ts";
import { SyntheticLanguage } from "../../../example/data/language.ts";
import type { Sentences } from "../../../example/data/sentences.ts";
import { BestPerplexity, parseSynthetic, synthesize } from "../../../example/data/synthetic.ts";
import { Philox } from "../../../kernels/random/philox.ts";
import { wordsOf } from "../../support/texts.ts";

Deno.test("SyntheticLanguage has sentences of 5 to 30 words", () => {
  const language = new SyntheticLanguage(100, 1), state = language.start();
  const ends = [0, 4, 5, 29, 30].map((length) => language.endProbability({ ...state, length }));
  assertEquals(ends, [0, 0, 1 / 26, 25 / 26, 1]);
});

Deno.test("parseSynthetic() reads settings in any order and has defaults", () => {
  assertEquals(parseSynthetic("synthetic"), { words: 100_000, vocab: 500, seed: 1 });
  const options = parseSynthetic("synthetic:seed=0,words=5000,vocab=200");
  assertEquals(options, { words: 5000, vocab: 200, seed: 0 });
});

Deno.test("parseSynthetic() throws a UsageError that names what is wrong", () => {
  const bad: [string, string][] = [
    ["synthetic:size=3", "the settings are words, vocab, seed"],
    ["synthetic:toString=3", "the settings are words, vocab, seed"],
    ["synthetic:", "the settings are"],
    ["synthetic:words=5000,", "the settings are"],
    ["synthetic:words", "words must be a whole number from 1000"],
    ["synthetic:words=", "words must be"],
    ["synthetic:words=1e4", "words must be"],
    ["synthetic:words=5000=1", "words must be"],
    ["synthetic:vocab=-200", "vocab must be"],
    ["synthetic:vocab=99", "vocab must be a whole number from 100 to"],
    ["synthetic:seed=1.5", "seed must be"],
    ["synthetic:seed=1,seed=2", "seed is given twice"],
    ["text", '"text" is not'],
  ];
  for (const [spec, message] of bad) {
    assertThrows(() => parseSynthetic(spec), UsageError, message);
  }
});

Deno.test("parseSynthetic() takes counts that fit a machine's memory, and says so in a line", () => {
  for (const [name, most] of [["words", 20_000_000], ["vocab", 2_000_000]] as const) {
    assertEquals(parseSynthetic(`synthetic:${name}=${most}`)[name], most);
    const setting = `${name}=${most + 1}`,
      error = assertThrows(
        () => parseSynthetic(`synthetic:${setting}`),
        UsageError,
      );
    const least = name === "words" ? 1000 : 100;
    assertEquals(
      error.message,
      `Cannot use "${setting}" of --data synthetic:${setting}: ${name} must be a whole number from ` +
        `${least} to ${most}`,
    );
  }
});

Deno.test("synthesize() makes the same text for the same seed and another for another", () => {
  const make = (seed: number) => synthesize({ words: 2000, vocab: 300, seed });
  const first = make(1), again = make(1), other = make(2);
  assertEquals(first, again);
  assertNotEquals(wordsOf(first.vocabulary), wordsOf(other.vocabulary));
  assertNotEquals(first.train.ids, other.train.ids);
  assertNotEquals(first.train.ids, first.valid.ids);
});

Deno.test("synthesize() makes the text that it always made, so that figures and checkpoints stay true", () => {
  const { vocabulary, train, bestTestPerplexity } = synthesize({
    words: 1000,
    vocab: 300,
    seed: 2,
  });
  const words = wordsOf(vocabulary), first = Array.from(train.at(0), (id) => words[id]);
  assertEquals(first.join(" "), "<s> bo pu nodo ze po ze za kumi <s>");
  assertAlmostEquals(bestTestPerplexity, 17.942051623346, 1e-9);
});

Deno.test("synthesize() keeps to the sizes asked for", () => {
  const { vocabulary, train, valid, test } = synthesize({ words: 20_000, vocab: 400, seed: 3 });
  assertEquals(vocabulary.size, 403);
  assertEquals(new Set(wordsOf(vocabulary)).size, 403);
  for (const [text, words] of [[train, 20_000], [valid, 2000], [test, 2000]] as const) {
    assert(text.words >= words && text.words < words + 30);
    for (let i = 0; i < text.length; i++) {
      const length = text.at(i).length - 2;
      assert(length >= 5 && length <= 30, `${length} words`);
    }
    assert(!text.ids.includes(0) && !text.ids.includes(2));
  }
});

Deno.test("SyntheticLanguage gives probabilities that sum to 1 after any history", () => {
  const language = new SyntheticLanguage(250, 5), random = new Philox(5, 1);
  for (let i = 0; i < 40; i++) {
    const state = language.start();
    for (const word of language.sample(random)) {
      let sum = language.endProbability(state);
      for (let w = 0; w < 250; w++) sum += language.wordProbability(state, w);
      assert(Math.abs(sum - 1) <= 1e-12, `${sum} after ${state.length} words`);
      language.advance(state, word);
    }
  }
});

/** Exact entropy of what comes next, and the surprise of what does, over many sentences. */
function surprises(language: SyntheticLanguage, vocab: number, random: Philox, count: number) {
  const differences: number[] = [];
  const term = (p: number) => p > 0 ? -p * Math.log(p) : 0;
  for (let i = 0; i < count; i++) {
    const state = language.start();
    let difference = 0;
    for (const next of [...language.sample(random), -1]) {
      const end = language.endProbability(state);
      let entropy = term(end);
      for (let w = 0; w < vocab; w++) entropy += term(language.wordProbability(state, w));
      const p = next < 0 ? end : language.wordProbability(state, next);
      difference += -Math.log(p) - entropy;
      if (next >= 0) language.advance(state, next);
    }
    differences.push(difference);
  }
  return differences;
}

Deno.test("SyntheticLanguage draws by the probabilities that it states", () => {
  const language = new SyntheticLanguage(200, 9);
  // Surprise less entropy has mean 0 only if the stated probabilities are those of the generator.
  const differences = surprises(language, 200, new Philox(9, 1), 3000);
  const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
  const variance = differences.reduce((a, d) => a + (d - mean) ** 2, 0) / differences.length;
  const standardError = Math.sqrt(variance / differences.length);
  assert(Math.abs(mean) <= 4 * standardError, `${mean} is not 0 within ${standardError}`);
});

Deno.test("BestPerplexity is that of all words and ends of sentences", () => {
  const language = new SyntheticLanguage(200, 9), best = new BestPerplexity(language);
  const sentences = [language.sample(new Philox(9, 1)), language.sample(new Philox(9, 2))];
  sentences.forEach((sentence) => best.add(sentence));
  const logs = sentences.flatMap((words) => [...language.probabilities(words)]).map(Math.log);
  const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
  assertEquals(logs.length, sentences.flat().length + 2);
  assertAlmostEquals(best.perplexity, Math.exp(-mean), 1e-9);
});

Deno.test("SyntheticLanguage draws first words as often as it states", () => {
  const language = new SyntheticLanguage(200, 4), random = new Philox(4, 1), draws = 20_000;
  const seen = new Float64Array(200);
  for (let i = 0; i < draws; i++) seen[language.sample(random)[0]!]!++;
  for (const [word, count] of seen.entries()) {
    const p = language.wordProbability(language.start(), word);
    assert(Math.abs(count - p * draws) <= 5 * Math.sqrt(draws * p * (1 - p)) + 1e-9);
  }
});

/** Perplexity of the bigram model that fits this very text best: no bigram model has less on it. */
function bestBigramPerplexity({ ids }: Sentences, size: number): number {
  const pairs = new Map<number, number>(), firsts = new Float64Array(size);
  for (let i = 1; i < ids.length; i++) {
    const pair = ids[i - 1]! * size + ids[i]!;
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
    firsts[ids[i - 1]!]!++;
  }
  let sum = 0;
  for (const [pair, n] of pairs) sum -= n * Math.log(n / firsts[Math.floor(pair / size)]!);
  return Math.exp(sum / (ids.length - 1));
}

Deno.test("synthesize() makes text on which a bigram model is clearly worse than the best", () => {
  const { vocabulary, test, bestTestPerplexity } = synthesize({
    words: 3_000_000,
    vocab: 100,
    seed: 1,
  });
  const bigram = bestBigramPerplexity(test, vocabulary.size);
  assert(bigram >= 1.25 * bestTestPerplexity, `${bigram} against ${bestTestPerplexity}`);
  assert(bestTestPerplexity > 5);
});

Deno.test("synthesize() makes words of Zipf-like frequency", () => {
  const { vocabulary: { counts } } = synthesize({ words: 300_000, vocab: 1000, seed: 1 });
  const frequency = counts.slice(3);
  const slope = Math.log(frequency[700]! / frequency[9]!) / Math.log(701 / 10);
  assert(slope > -1.6 && slope < -0.8, `slope ${slope}`);
});
