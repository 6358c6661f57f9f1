/** Confidence intervals of word error rates, and the significance of differences. */

import { Philox } from "../../kernels/random/mod.ts";
import type { Edit } from "./errors.ts";

/** Random stream of the resampling. */
const STREAM = 0x424f4f54;
const SEED = 1;
const RESAMPLES = 2000;
/** Minimum correct words between two segments of the matched-pair test, as in NIST's tools. */
const MIN_GOOD = 2;

/** For each utterance, its errors and the number of words in its reference. */
export interface UtteranceErrors {
  readonly errors: number;
  readonly words: number;
}

/**
 * The bootstrap's 95 % confidence interval of the word error rate, in per cent: utterances are drawn with
 * replacement. It is the same for the same utterances.
 */
export function bootstrapInterval(
  utterances: readonly UtteranceErrors[],
): [low: number, high: number] {
  const random = new Philox(SEED, STREAM, 0), count = utterances.length;
  const rates = Float64Array.from({ length: RESAMPLES }, () => {
    let errors = 0, words = 0;
    for (let i = 0; i < count; i++) {
      const drawn = utterances[random.below(count)]!;
      errors += drawn.errors;
      words += drawn.words;
    }
    return 100 * errors / words;
  }).sort();
  const quantile = (q: number) => rates[Math.round(q * (RESAMPLES - 1))]!;
  return [quantile(0.025), quantile(0.975)];
}

/** Result of the matched-pair test. */
export interface MatchedPairs {
  /** Number of segments in which at least one system has an error. */
  readonly segments: number;
  /** Mean per segment of the first system's errors minus the second's. */
  readonly mean: number;
  /** The mean divided by its standard error. */
  readonly z: number;
  /** p-value: probability of a difference at least this large between equally good systems. */
  readonly p: number;
}

/**
 * NIST's matched-pair sentence segment word error test (MAPSSWE) of two systems, on their alignments with
 * the same references. At least two words that both have right separate segments, so that segments can be
 * treated as independent.
 */
export function matchedPairs(
  pairs: Iterable<readonly [first: readonly Edit[], second: readonly Edit[]]>,
): MatchedPairs {
  const differences: number[] = [];
  for (const [first, second] of pairs) {
    for (const [a, b] of segmentsOf(first, second)) differences.push(a - b);
  }
  const n = differences.length, mean = differences.reduce((sum, d) => sum + d, 0) / n;
  const variance = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (n - 1);
  const z = mean === 0 || n < 2 ? 0 : mean / Math.sqrt(variance / n);
  return { segments: n, mean: n === 0 ? 0 : mean, z, p: 2 * upperTail(Math.abs(z)) };
}

/** Errors of both systems in each segment that has any. */
function segmentsOf(first: readonly Edit[], second: readonly Edit[]): [number, number][] {
  const [a, b] = [byWord(first), byWord(second)], segments: [number, number][] = [];
  let errors: [number, number] = [0, 0], good = 0;
  for (let i = 0; i < a.length; i++) {
    const isGood = a[i]!.own === 0 && b[i]!.own === 0;
    const inserted = a[i]!.before + b[i]!.before > 0;
    // Words inserted before this one end the run of correct ones.
    if (inserted || !isGood) {
      if (good >= MIN_GOOD) {
        if (errors[0] + errors[1] > 0) segments.push(errors);
        errors = [0, 0];
      }
      good = 0;
    }
    errors = [errors[0] + a[i]!.before + a[i]!.own, errors[1] + b[i]!.before + b[i]!.own];
    if (isGood) good++;
  }
  if (errors[0] + errors[1] > 0) segments.push(errors);
  return segments;
}

/** For each word of the reference and its end: the words inserted before it, and whether it is wrong. */
function byWord(edits: readonly Edit[]): { before: number; own: number }[] {
  const words: { before: number; own: number }[] = [];
  let before = 0;
  for (const edit of edits) {
    if (edit === "I") before++;
    else {
      words.push({ before, own: edit === "C" ? 0 : 1 });
      before = 0;
    }
  }
  return [...words, { before, own: 0 }];
}

/** Probability that a standard normal variable exceeds `z` >= 0: Abramowitz and Stegun 26.2.17. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const terms = [0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const sum = terms.reduceRight((rest, term) => t * (term + rest), 0);
  return sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
}
