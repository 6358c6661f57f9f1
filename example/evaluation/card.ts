/** Statistics of a text's exact scores: perplexity by word frequency, and self-normalisation. */

import { byFallingCount } from "../data/word_counts.ts";
import { UNK, type Vocabulary } from "../data/vocab.ts";
import { formatCount, formatPerplexity, labelled } from "../shared/format.ts";

/** Exact scores of the predicted tokens of a text. */
export interface TokenScores {
  /** Ids of the tokens. */
  readonly target: Uint32Array;
  /** s(token) */
  readonly score: Float32Array;
  /** ln Z of its context: ln p(token) = score - logZ. */
  readonly logZ: Float32Array;
}

/** How often values fall into intervals of equal width between the smallest and the largest. */
export interface Histogram {
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
}

/** Self-normalisation of a model: whether ln Z is constant over contexts. */
export interface SelfNormalization {
  /** Mean of ln Z over the tokens: the best norm term for scoring without normalising. */
  readonly mean: number;
  /** Standard deviation of ln Z: the error of a log probability that is not normalised, but for the mean's. */
  readonly std: number;
  /** The 1st, 50th and 99th percentile of ln Z. */
  readonly percentiles: readonly [number, number, number];
  /** The distribution of ln Z. */
  readonly histogram: Histogram;
  /** c, the norm term of the model. */
  readonly normTerm: number;
  /** exp of the mean of c - s(token), with the model's norm term c: a perplexity only if Z = exp(c). */
  readonly rawPpl: number;
  /** The same with the best norm term, the mean of ln Z: it is the exact perplexity. */
  readonly rawPplBest: number;
}

/** Those figures of a card by which raw scores are judged. */
export type RawFigures = Pick<SelfNormalization, "mean" | "std" | "normTerm" | "rawPplBest">;

/** How sentences may be scored. */
export interface RawVerdict {
  /** The first safe mode of raw (less the norm term), raw-best (less the mean of ln Z) and exact. */
  readonly mode: "raw" | "raw-best" | "exact";
  /** Why those before it are not safe. */
  readonly why?: string;
}

/** Ranges of frequency, most frequent words first, and their descriptions. */
const BUCKET_TEXTS = {
  head: ["the most frequent word", "the # most frequent words"],
  torso: ["the next word", "the next # words"],
  tail: ["the rarest word", "the # rarest words"],
  "<unk>": ["unknown words", "unknown words"],
} as const;
/** Names of the ranges. */
export const BUCKETS = ["head", "torso", "tail", "<unk>"] as const;

type BucketName = typeof BUCKETS[number];

/** Perplexity of the tokens in one frequency range. */
export interface Bucket {
  /** `head` (the most frequent words, half of the training text), `torso` (to 90 %), `tail`, `<unk>`. */
  readonly name: BucketName;
  /** Number of words in the range. */
  readonly words: number;
  /** Number of tokens of the text. */
  readonly tokens: number;
  /** Their perplexity; null if there are none. */
  readonly ppl: number | null;
}

/** Intervals of a histogram. */
const BARS = 40;
/** Up to this standard deviation of ln Z, in nats, unnormalised scores rank almost like exact ones. */
export const SAFE_STD = 0.2;
/**
 * How far the norm term may be from the mean of ln Z, in nats, before it counts as a penalty on each word. In a
 * sentence of 16 words its errors add up to as much as those of {@linkcode SAFE_STD}: 16 * 0.05 = sqrt(16) * 0.2.
 */
export const SAFE_SHIFT = 0.05;

/** exp of the mean negative log probability of all tokens. */
export function perplexity({ score, logZ }: TokenScores): number {
  return Math.exp(mean(logZ.length, (i) => logZ[i]! - score[i]!));
}

/** Perplexity of the words that are in the vocabulary: of all tokens but `<unk>`. */
export interface KnownWords {
  /** Number of tokens that are left out. */
  readonly unknown: number;
  /** Perplexity of the others; NaN if there are none. */
  readonly ppl: number;
}

/** Leaves out the unknown words. */
export function knownWords({ target, score, logZ }: TokenScores): KnownWords {
  let unknown = 0, nll = 0;
  for (let i = 0; i < target.length; i++) {
    if (target[i] === UNK) unknown++;
    else nll += logZ[i]! - score[i]!;
  }
  return { unknown, ppl: Math.exp(nll / (target.length - unknown)) };
}

/**
 * Statistics of ln Z.
 *
 * @param normTerm The model's c.
 */
export function selfNormalization(
  { score, logZ }: TokenScores,
  normTerm: number,
): SelfNormalization {
  const n = logZ.length;
  const center = mean(n, (i) => logZ[i]!);
  const std = Math.sqrt(mean(n, (i) => (logZ[i]! - center) ** 2));
  const sorted = logZ.toSorted();
  const quantile = (q: number) => sorted[Math.round(q * (n - 1))]!;
  const meanScore = mean(n, (i) => score[i]!);
  return {
    mean: center,
    std,
    percentiles: [quantile(0.01), quantile(0.5), quantile(0.99)],
    histogram: histogramOf(sorted),
    normTerm,
    rawPpl: Math.exp(normTerm - meanScore),
    rawPplBest: Math.exp(center - meanScore),
  };
}

/**
 * How sentences may be scored without normalising, if at all. A spread of ln Z spoils all raw scores; a mean
 * other than the norm term is a reward or a penalty for each word, which only raw-best takes away.
 *
 * @param classes Number of words: a model that is worse than a uniform guess among them has no useful scores.
 */
export function rawVerdict(
  { mean, std, normTerm, rawPplBest }: RawFigures,
  classes: number,
): RawVerdict {
  const three = (nats: number) => Number(nats.toPrecision(3));
  if (!(std <= SAFE_STD)) {
    return { mode: "exact", why: `ln Z varies by ${three(std)}, over ${SAFE_STD}` };
  }
  if (!(rawPplBest <= classes)) {
    return { mode: "exact", why: "the perplexity is over the number of words" };
  }
  const shift = Math.abs(mean - normTerm);
  if (shift <= SAFE_SHIFT) return { mode: "raw" };
  const why = `the norm term is ${three(shift)} off the mean of ln Z, over ${SAFE_SHIFT}`;
  return { mode: "raw-best", why };
}

/** The distribution of sorted values; those that are not finite are left out. */
function histogramOf(sorted: Float32Array): Histogram {
  // NaN comes last. filter() would make an object of every number.
  const begin = sorted.findIndex(Number.isFinite), end = sorted.findLastIndex(Number.isFinite) + 1;
  const finite = sorted.subarray(Math.max(0, begin), end);
  const low = finite[0] ?? 0, high = finite.at(-1) ?? 0;
  const [from, to] = low < high ? [low, high] : [low - 0.5, low + 0.5];
  const counts = new Array<number>(BARS).fill(0);
  for (const value of finite) {
    const bar = Math.floor((value - from) / (to - from) * BARS);
    counts[Math.min(bar, BARS - 1)]!++;
  }
  return { from, to, counts };
}

/** Perplexity by frequency of the word in the training text. */
export function frequencyBuckets(scores: TokenScores, vocabulary: Vocabulary): Bucket[] {
  const { counts } = vocabulary;
  const total = counts.reduce((sum, count, id) => id === UNK ? sum : sum + count, 0);
  const bucketOf = new Uint8Array(counts.length);
  let before = 0;
  for (const id of byFallingCount(counts)) {
    if (id === UNK) continue;
    bucketOf[id] = before < 0.5 * total ? 0 : before < 0.9 * total ? 1 : 2;
    before += counts[id]!;
  }
  bucketOf[UNK] = 3;
  const sums = BUCKETS.map(() => ({ words: 0, tokens: 0, nll: 0 }));
  for (const bucket of bucketOf) sums[bucket]!.words++;
  scores.target.forEach((id, i) => {
    const sum = sums[bucketOf[id]!]!;
    sum.tokens++;
    sum.nll += scores.logZ[i]! - scores.score[i]!;
  });
  return sums.map(({ words, tokens, nll }, i) => ({
    name: BUCKETS[i]!,
    words,
    tokens,
    ppl: tokens === 0 ? null : Math.exp(nll / tokens),
  }));
}

/**
 * The card and the buckets as text, one line each.
 *
 * @param buckets Those of all words.
 */
export function describeCard(card: SelfNormalization, buckets: readonly Bucket[]): string[] {
  const two = formatPerplexity, [low, , high] = card.percentiles;
  const [mean, std, raw, best] = [card.mean, card.std, card.rawPpl, card.rawPplBest].map(two);
  const { mode, why } = rawVerdict(card, buckets.reduce((sum, { words }) => sum + words, 0));
  const others = mode === "raw-best" ? "raw is" : "raw and raw-best are";
  const scored = buckets.filter(({ ppl }) => ppl !== null)
    .map((bucket) => `ppl ${two(bucket.ppl!)} on ${describeBucket(bucket)}`);
  return [
    labelled("words", scored.join(", ")),
    labelled(
      "normaliser",
      `ln Z, which turns scores into probabilities, is ${mean} on average, ` +
        `standard deviation ${std}, 98 % from ${two(low)} to ${two(high)}`,
    ),
    labelled(
      "raw scores",
      `without ln Z, ppl ${best} shows as ${raw}; safe in score and rescore: --mode ${mode}` +
        (why === undefined ? "" : ` (${others} not: ${why})`),
    ),
  ];
}

/** Describes a bucket; buckets are in order of falling frequency. */
function describeBucket({ name, words }: Bucket): string {
  const [one, several] = BUCKET_TEXTS[name];
  return words === 1 ? one : several.replace("#", formatCount(words));
}

function mean(n: number, value: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += value(i);
  return sum / n;
}
