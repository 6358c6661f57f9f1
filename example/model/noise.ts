/** Makes the noise source that the settings describe. */

import {
  AliasMultinomial,
  BatchNoise,
  type Gpu,
  logUniformProbabilities,
  noiseProbabilities,
  type NoiseSource,
  UniqueNoise,
} from "../../mod.ts";
import { drawnFrom, isFromBatch } from "../options/choices.ts";
import type { ModelSettings } from "../options/options.ts";
import { EOS, UNK } from "../data/vocab.ts";

/**
 * The noise for words with these counts; the caller owns it.
 *
 * Words that the training text lacks get a count of 1: `<unk>`, if all words are known, and words of a
 * vocabulary file. The latter together count at most as much as the words that occur once (the Good-Turing
 * estimate of new words), so that they do not dominate the noise. Without a count they would have almost
 * no probability, and one unknown word in a test would outweigh all others. With it, an unknown word costs
 * about the logarithm of the text's length, and is drawn so rarely that training does not push it down.
 */
export function makeNoise(
  gpu: Gpu,
  settings: ModelSettings,
  counts: ArrayLike<number>,
): NoiseSource {
  const { noise, noiseRatio, unique } = settings, weights = withUnseen(counts);
  const q = probabilities(settings, weights);
  if (q === undefined) return new BatchNoise(gpu, weights);
  if (unique && !isFromBatch(noise)) return new UniqueNoise(gpu, q, noiseRatio);
  const drawn = new AliasMultinomial(gpu, q);
  return isFromBatch(noise) ? new BatchNoise(gpu, weights, drawn) : drawn;
}

/** What a target is contrasted with. */
export interface ExpectedNoise {
  /** k, the number of samples of a target. */
  readonly samples: number;
  /** [V] How often each word is expected among them, as a part of k. */
  readonly shares: Float64Array;
}

/** The noise of a model that `settings` describe, in a batch of `targets` targets. */
export function expectedNoise(
  source: NoiseSource,
  settings: ModelSettings,
  counts: ArrayLike<number>,
  targets: number,
): ExpectedNoise {
  const { noise, noiseRatio } = settings, { probabilities: q } = source;
  if (source instanceof UniqueNoise) {
    return { samples: noiseRatio, shares: source.inclusion.map((p) => p / noiseRatio) };
  }
  if (!isFromBatch(noise)) return { samples: noiseRatio, shares: q };
  const others = targets - 1, drawn = probabilities(settings, withUnseen(counts));
  if (drawn === undefined) return { samples: others, shares: q };
  const samples = others + noiseRatio;
  return {
    samples,
    shares: q.map((p, y) => (others * p + noiseRatio * drawn[y]!) / samples),
  };
}

/** The counts, with zeros raised. `</s>` keeps 0 if it is no word of the text: it is never a target. */
function withUnseen(counts: ArrayLike<number>): Float64Array {
  const weights = new Float64Array(counts), words = weights.subarray(EOS + 1);
  const wordsOf = (count: number) => words.reduce((sum, n) => n === count ? sum + 1 : sum, 0);
  const weight = Math.min(1, Math.max(1, wordsOf(1)) / wordsOf(0));
  weights[UNK] = Math.max(1, weights[UNK]!);
  words.forEach((count, i) => words[i] = count === 0 ? weight : count);
  return weights;
}

/** The probabilities that samples are drawn with; undefined if none are drawn. */
function probabilities(
  { noise, noisePower, noiseUniform }: ModelSettings,
  counts: ArrayLike<number>,
): Float64Array | undefined {
  switch (drawnFrom(noise)) {
    case "log-uniform":
      return logUniformProbabilities(counts.length);
    case "uniform":
      return noiseProbabilities(counts, { uniform: 1 });
    case "unigram":
      return noiseProbabilities(counts, { power: noisePower, uniform: noiseUniform });
  }
}

/**
 * A warning if log-uniform noise is used although ids are not in order of falling counts;
 * the three marks at the first ids do not count.
 */
export function noiseWarning(
  { noise }: ModelSettings,
  counts: ArrayLike<number>,
): string | undefined {
  if (drawnFrom(noise) !== "log-uniform") return undefined;
  const words = Array.from(counts).slice(3);
  const disorder = words.filter((count, i) => i > 0 && count > words[i - 1]!).length;
  if (disorder === 0) return undefined;
  return `warning: --noise ${noise} takes ids to be in order of falling frequency, but ` +
    `${disorder} of ${words.length} words are more frequent than the one before; give --noise ` +
    "unigram, or a vocabulary file in that order";
}
