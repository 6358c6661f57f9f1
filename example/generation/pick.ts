/** Picks a word among the most probable ones. */

import type { GenerateSettings } from "../options/generate.ts";

/** A word and its score. */
export interface Candidate {
  readonly id: number;
  readonly score: number;
}

/** Which candidates count, and how strongly better ones are preferred: by a temperature above 0. */
export type SamplingSettings = Pick<GenerateSettings, "topK" | "topP" | "temperature">;

/**
 * The id of one of the candidates: of the `topK` best, and of the fewest best whose probabilities sum to
 * `topP`, each with probability proportional to exp(score / temperature).
 *
 * @param candidates The most probable words, best first.
 * @param logTotal ln of the sum of exp(score) over all words, these and others; without `topP`, any number.
 * @param u Uniform in [0, 1).
 */
export function pick(
  candidates: readonly Candidate[],
  logTotal: number,
  { topK, topP, temperature }: SamplingSettings,
  u: number,
): number {
  const best = candidates[0]!.score, ends: number[] = [];
  let probability = 0, end = 0;
  for (const { score } of candidates.slice(0, topK ?? undefined)) {
    ends.push(end += Math.exp((score - best) / temperature));
    probability += Math.exp(score - logTotal);
    if (topP !== null && probability >= topP) break;
  }
  return candidates[ends.findIndex((candidateEnd) => u * end < candidateEnd)]!.id;
}
