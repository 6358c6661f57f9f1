/** The noise source that the settings describe. */

import {
  AliasMultinomial,
  BatchNoise,
  type Gpu,
  logUniformProbabilities,
  noiseProbabilities,
  type NoiseSource,
  UniqueNoise,
} from "../../mod.ts";
import type { ModelSettings } from "../options/settings.ts";
import { EOS, UNK } from "../data/vocab.ts";

/** Settings that noise depends on. */
export type NoiseSettings = Pick<
  ModelSettings,
  "noise" | "noisePower" | "noiseUniform" | "noiseRatio" | "unique"
>;

/**
 * The noise for words with these counts; the caller owns it.
 *
 * What the training text lacks counts as if it came once: `<unk>`, if all words are known, and words of a
 * vocabulary file, though all of these together at most as much as the words that do come once (Good and
 * Turing's estimate of what is new), so that they do not fill the noise. Otherwise they had next to no
 * probability, and one unknown word of a test would outweigh all others. So it costs about the logarithm
 * of the text's length, and is drawn so rarely that training does not push it down.
 */
export function makeNoise(
  gpu: Gpu,
  settings: NoiseSettings,
  counts: ArrayLike<number>,
): NoiseSource {
  const { noise, noiseRatio, unique } = settings;
  const [first, more] = noise.split("+"), weights = withUnseen(counts);
  if (first !== "batch") {
    const q = probabilities(noise, settings, weights);
    return unique ? new UniqueNoise(gpu, q, noiseRatio) : new AliasMultinomial(gpu, q);
  }
  if (more === undefined) return new BatchNoise(gpu, weights);
  const drawn = new AliasMultinomial(gpu, probabilities(more, settings, weights));
  return new BatchNoise(gpu, weights, drawn);
}

/** The counts, with those of 0 raised; `</s>` stays where it is no word of the text: nothing asks for it. */
function withUnseen(counts: ArrayLike<number>): Float64Array {
  const weights = Float64Array.from(counts);
  const wordsOf = (count: number) => weights.filter((n, id) => n === count && id > EOS).length;
  const weight = Math.min(1, Math.max(1, wordsOf(1)) / wordsOf(0));
  weights[UNK] = Math.max(1, weights[UNK]!);
  return weights.map((count, id) => count === 0 && id > EOS ? weight : count);
}

function probabilities(
  name: string,
  { noisePower, noiseUniform }: NoiseSettings,
  counts: ArrayLike<number>,
): Float64Array {
  if (name === "log-uniform") return logUniformProbabilities(counts.length);
  if (name === "uniform") return noiseProbabilities(counts, { uniform: 1 });
  return noiseProbabilities(counts, { power: noisePower, uniform: noiseUniform });
}

/**
 * A warning if log-uniform noise is asked for although ids are not in the order of falling counts;
 * the three marks at the first ids do not count.
 */
export function noiseWarning(
  { noise }: NoiseSettings,
  counts: ArrayLike<number>,
): string | undefined {
  if (!noise.endsWith("log-uniform")) return undefined;
  const words = Array.from(counts).slice(3);
  const disorder = words.filter((count, i) => i > 0 && count > words[i - 1]!).length;
  if (disorder === 0) return undefined;
  return `warning: --noise ${noise} takes ids to be in order of falling frequency, but ` +
    `${disorder} of ${words.length} words are more frequent than the one before`;
}
