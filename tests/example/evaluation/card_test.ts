// What exact scores say of a model, on cases worked out by hand.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  describeCard,
  frequencyBuckets,
  knownWords,
  perplexity,
  type RawFigures,
  rawVerdict,
  SAFE_SHIFT,
  SAFE_STD,
  selfNormalization,
  type TokenScores,
} from "../../../example/evaluation/card.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";

/** Scores of tokens as [id, score, ln Z]. */
function scoresOf(...tokens: readonly (readonly [number, number, number])[]): TokenScores {
  return {
    target: Uint32Array.from(tokens, ([id]) => id),
    score: Float32Array.from(tokens, ([, score]) => score),
    logZ: Float32Array.from(tokens, ([, , logZ]) => logZ),
  };
}

/** A vocabulary of these counts, the first three of which are those of the marks. */
function vocabularyOf(...counts: number[]): Vocabulary {
  const words = counts.slice(3).map((_, i) => `w${3 + i}`);
  return Vocabulary.from(["<unk>", "<s>", "</s>", ...words], counts);
}

Deno.test("knownWords() leaves out unknown words", () => {
  const scores = scoresOf([3, -1, 0], [0, -20, 0], [4, -2, 1], [0, -30, 0]);
  assertEquals(knownWords(scores), { unknown: 2, ppl: Math.exp(2) });
  assertEquals(perplexity(scores), Math.exp(13.5));
  assertEquals(knownWords(scoresOf([1, -1, 0], [2, -3, 0])), { unknown: 0, ppl: Math.exp(2) });
  assertEquals(knownWords(scoresOf([0, 0, 0])), { unknown: 1, ppl: NaN });
});

Deno.test("selfNormalization() has mean, deviation and both raw perplexities of two tokens", () => {
  const scores = scoresOf([3, 7, 8], [4, 5, 10]);
  assertEquals(selfNormalization(scores, 9.5), {
    mean: 9,
    std: 1,
    percentiles: [8, 10, 10],
    histogram: { from: 8, to: 10, counts: [1, ...new Array(38).fill(0), 1] },
    normTerm: 9.5,
    rawPpl: Math.exp(9.5 - 6),
    rawPplBest: Math.exp(9 - 6),
  });
});

Deno.test("selfNormalization() has the percentiles of 0 to 1000, in whatever order they come", () => {
  const tokens = Array.from({ length: 1001 }, (_, i) => [3, 0, 37 * i % 1001] as const);
  const { mean, std, percentiles } = selfNormalization(scoresOf(...tokens), 9);
  assertEquals([mean, percentiles], [500, [10, 500, 990]]);
  assertAlmostEquals(std, Math.sqrt((1001 ** 2 - 1) / 12), 1e-12);
});

Deno.test("selfNormalization() counts ln Z in intervals from the smallest to the largest", () => {
  const of = (...logZ: number[]) =>
    selfNormalization(scoresOf(...logZ.map((z) => [3, 0, z] as const)), 9).histogram;
  // 0, 0.25 .. 40 in 40 intervals: four values each, and the last one has its end, too.
  const even = of(...Array.from({ length: 161 }, (_, i) => i * 78 % 161 / 4));
  assertEquals(even, { from: 0, to: 40, counts: [...new Array(39).fill(4), 5] });
  assertEquals(of(9, 9, 9).counts.filter((count) => count > 0), [3]);
  assertEquals([of(9).from, of(9).to], [8.5, 9.5]);
  const broken = of(1, NaN, 3, Infinity, -Infinity);
  assertEquals([broken.from, broken.to, broken.counts.length], [1, 3, 40]);
  assertEquals(broken.counts.reduce((a, b) => a + b), 2);
  assertEquals(of(NaN), { from: -0.5, to: 0.5, counts: new Array(40).fill(0) });
});

/** The mode that is safe over ten words. */
function modeOf(figures: Partial<RawFigures>): string {
  return rawVerdict({ mean: 9, std: 0.1, normTerm: 9, rawPplBest: 5, ...figures }, 10).mode;
}

Deno.test("rawVerdict() finds no raw score safe where ln Z deviates by more than 0.2", () => {
  assertEquals(SAFE_STD, 0.2);
  const modes = [0, 0.2, 0.21, NaN].map((std) => modeOf({ std }));
  assertEquals(modes, ["raw", "raw", "exact", "exact"]);
});

Deno.test("rawVerdict() finds a norm term off the mean of ln Z safe only by raw-best", () => {
  assertEquals(SAFE_SHIFT, 0.05);
  const modes = [8, 8.89, 8.96, 9.04, 9.11, NaN].map((normTerm) => modeOf({ normTerm }));
  assertEquals(modes, ["raw-best", "raw-best", "raw", "raw", "raw-best", "raw-best"]);
  // A perplexity of 5 that shows as 500.
  const off = { mean: 9, std: 0.1, normTerm: 9 + Math.log(100), rawPplBest: 5 };
  assertEquals(rawVerdict(off, 10), {
    mode: "raw-best",
    why: "the norm term is 4.61 off the mean of ln Z, over 0.05",
  });
  assertEquals(modeOf({ normTerm: 8, std: 0.3 }), "exact");
});

Deno.test("rawVerdict() finds only a model safe that is better than choosing blindly", () => {
  const mode = (score: number) =>
    rawVerdict(selfNormalization(scoresOf([3, score, 9], [4, score, 9]), 9), 10).mode;
  // e^2 is under 10, and e^3 over it.
  assertEquals([7, 6, -Infinity, NaN].map(mode), ["raw", "exact", "exact", "exact"]);
});

Deno.test("frequencyBuckets() sorts words by their counts, whatever their ids", () => {
  // In order: <s> 40, w4 30 | w5 15, w3 10 | w6 5, </s> 0, and <unk> apart.
  const vocabulary = vocabularyOf(7, 40, 0, 10, 30, 15, 5);
  const scores = scoresOf([1, 0, 1], [4, 0, 2], [4, -1, 2], [5, -1, 3], [0, 0, 5], [0, -3, 4]);
  assertEquals(frequencyBuckets(scores, vocabulary), [
    { name: "head", words: 2, tokens: 3, ppl: Math.exp(2) },
    { name: "torso", words: 2, tokens: 1, ppl: Math.exp(4) },
    { name: "tail", words: 2, tokens: 0, ppl: null },
    { name: "<unk>", words: 1, tokens: 2, ppl: Math.exp(6) },
  ]);
});

Deno.test("frequencyBuckets() begins the torso at half of the text, and the tail at nine tenths", () => {
  const words = (...counts: number[]) =>
    frequencyBuckets(scoresOf([1, 0, 0]), vocabularyOf(...counts)).map((bucket) => bucket.words);
  assertEquals(words(1000, 50, 0, 40, 10), [1, 1, 2, 1]);
  assertEquals(words(1000, 49, 0, 41, 10), [2, 0, 2, 1]);
  assertEquals(words(1000, 50, 0, 39, 11), [1, 2, 1, 1]);
});

const CARD = {
  mean: 8.984,
  std: 0.126,
  percentiles: [8.5, 9, 9.25],
  histogram: { from: 8, to: 10, counts: [1, 1] },
  normTerm: 9,
  rawPpl: 1234.56,
  rawPplBest: 1212,
} as const;
const BUCKETS = [
  { name: "head", words: 12, tokens: 300, ppl: 5.678 },
  { name: "torso", words: 1345, tokens: 40, ppl: 123456 },
  { name: "tail", words: 6789, tokens: 0, ppl: null },
  { name: "<unk>", words: 1, tokens: 1, ppl: 1e12 },
] as const;

Deno.test("describeCard() has a line each of words, the normaliser and raw scores", () => {
  assertEquals(describeCard(CARD, BUCKETS), [
    "words       ppl 5.68 on the 12 most frequent words, ppl 123,456 on the next 1,345 words, " +
    "ppl 1.00e+12 on unknown words",
    "normaliser  ln Z, which turns scores into probabilities, is 8.98 on average, " +
    "standard deviation 0.13, 98 % from 8.50 to 9.25",
    "raw scores  without ln Z, ppl 1,212.00 shows as 1,234.56; safe in score and rescore: --mode raw",
  ]);
});

Deno.test("describeCard() speaks of a single word where there is one", () => {
  const one = BUCKETS.map((bucket) => ({ ...bucket, words: 1, ppl: 2 }));
  assertEquals(
    describeCard(CARD, one)[0],
    "words       ppl 2.00 on the most frequent word, ppl 2.00 on the next word, " +
      "ppl 2.00 on the rarest word, ppl 2.00 on unknown words",
  );
});

Deno.test("describeCard() says which mode is safe, and why others are not", () => {
  const verdict = (card: Partial<RawFigures>) =>
    describeCard({ ...CARD, ...card }, BUCKETS)[2]!.split("; safe in score and rescore: ")[1];
  const none = "--mode exact (raw and raw-best are not: ";
  assertEquals(verdict({ std: 0.21 }), `${none}ln Z varies by 0.21, over 0.2)`);
  assertEquals(verdict({ std: NaN }), `${none}ln Z varies by NaN, over 0.2)`);
  assertEquals(verdict({ rawPplBest: 8147 }), "--mode raw");
  assertEquals(verdict({ rawPplBest: 8148 }), `${none}the perplexity is over the number of words)`);
  assertEquals(
    verdict({ normTerm: 9.0874 }),
    "--mode raw-best (raw is not: the norm term is 0.103 off the mean of ln Z, over 0.05)",
  );
});
