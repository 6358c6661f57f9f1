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

/** Settings that noise depends on. */
export type NoiseSettings = Pick<
  Settings,
  "noise" | "noisePower" | "noiseUniform" | "noiseRatio" | "unique"
>;

/** The noise for words with these counts; the caller owns it. */
export function makeNoise(
  gpu: Gpu,
  settings: NoiseSettings,
  counts: ArrayLike<number>,
): NoiseSource {
  const { noise, noiseRatio, unique } = settings;
  const [first, more] = noise.split("+");
  if (first !== "batch") {
    const q = probabilities(noise, settings, counts);
    return unique ? new UniqueNoise(gpu, q, noiseRatio) : new AliasMultinomial(gpu, q);
  }
  if (more === undefined) return new BatchNoise(gpu, counts);
  const drawn = new AliasMultinomial(gpu, probabilities(more, settings, counts));
  return new BatchNoise(gpu, counts, drawn);
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
