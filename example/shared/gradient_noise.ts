/** The noise of the sampled gradient: how large it is, and whether k is large enough. */

import type { Audit } from "../../mod.ts";

/** Noise, in lengths of the mean gradient, from which on more samples pay. */
const ENOUGH = 1;
/** More noise than this cannot be told from a few draws. */
const MAX_NOISE = 5;
/** Why an audit has a cosine alone. */
export const UNMEASURED =
  "words of the batch are noise, so that noise over signal cannot be measured";

/**
 * Standard deviation of the sampled gradient over the length of its mean; at most 5, NaN if it cannot be measured.
 * The exact gradient's length is no measure of it: NCE's has that for large k only.
 */
export function noiseOf({ variance, length }: Pick<Audit, "variance" | "length">): number {
  return Math.min(MAX_NOISE, Math.sqrt(variance) / length);
}

/** Whether so much noise, by {@linkcode noiseOf}, is no reason for more samples. */
export function isEnough(noise: number): boolean {
  return noise <= ENOUGH;
}

/** Noise as text. */
export function formatNoise(noise: number): string {
  return noise < MAX_NOISE ? noise.toFixed(2) : `${MAX_NOISE} or more`;
}

/** What an audit says of k, in a line. */
export function auditText(audit: Audit): string {
  if (!Number.isFinite(audit.cosine)) return "the gradient is zero or not finite";
  const cosine = `cosine to the exact gradient ${audit.cosine.toFixed(2)}`;
  if (isNaN(audit.variance)) return `${cosine}; ${UNMEASURED}`;
  const noise = noiseOf(audit), verdict = isEnough(noise) ? "k is large enough" : "a larger k pays";
  const bias = `bias ${audit.bias.toFixed(2)}`;
  return `${verdict}: noise over signal ${formatNoise(noise)}; ${cosine}, ${bias}`;
}
