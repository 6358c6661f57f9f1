/** The noise source that the settings describe. */

import {
  AliasMultinomial,
  BatchNoise,
  type Gpu,
  logUniformProbabilities,
  noiseProbabilities,
  type NoiseSource,
  UniqueNoise,
} from "../mod.ts";
import type { Settings } from "./settings.ts";
import { EOS } from "./vocab.ts";

/** Settings that noise depends on. */
export type NoiseSettings = Pick<
  Settings,
  "noise" | "noisePower" | "noiseUniform" | "noiseRatio" | "unique"
>;

/**
 * The noise for words with these counts; the caller owns it.
 *
 * A word that the training text lacks (`<unk>`, if all its words are known; words of a vocabulary file)
 * counts as if it came once there. Without that it has next to no probability, so that one unknown word
 * of a test would outweigh all others; so it costs about the logarithm of the text's length, and is
 * drawn so rarely that training does not push it down.
 */
export function makeNoise(
  gpu: Gpu,
  settings: NoiseSettings,
  counts: ArrayLike<number>,
): NoiseSource {
  const { noise, noiseRatio, unique } = settings;
  const [first, more] = noise.split("+"), weights = atLeastOnce(counts);
  if (first !== "batch") {
    const q = probabilities(noise, settings, weights);
    return unique ? new UniqueNoise(gpu, q, noiseRatio) : new AliasMultinomial(gpu, q);
  }
  if (more === undefined) return new BatchNoise(gpu, weights);
  const drawn = new AliasMultinomial(gpu, probabilities(more, settings, weights));
  return new BatchNoise(gpu, weights, drawn);
}

/** `</s>` stays at 0 where it is no word of the text: then nothing ever asks for it. */
function atLeastOnce(counts: ArrayLike<number>): Float64Array {
  return Float64Array.from(counts, (count, id) => id === EOS ? count : Math.max(count, 1));
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
