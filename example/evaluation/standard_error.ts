/** How far the mean of a random part of a text is likely to be from that of the whole. */

import type { Evaluation } from "./evaluate.ts";
import type { RowBatch } from "../data/row_batch.ts";
import type { Sentences } from "../data/sentences.ts";
import { tokensOf } from "./collected.ts";

/** A part whose tokens have values. */
export interface ScoredPart {
  readonly text: Sentences;
  /** Its batches. */
  readonly batches: readonly RowBatch[];
  /** The value of token `i` in the order of the batches. */
  readonly value: (i: number) => number;
  /** Tokens of the whole text, if this is a part of one. */
  readonly wholeTokens: number | undefined;
}

/**
 * The standard error of the mean value of a token, of sentences drawn without replacement: that of a ratio
 * of sums over sentences (Cochran, Sampling Techniques, 1977, section 6.4). Undefined for what is no part, and for
 * a single sentence, which does not tell how much sentences differ.
 */
export function standardError(
  { text, batches, value, wholeTokens }: ScoredPart,
): number | undefined {
  const { offsets, length, tokens } = text, values = new Float64Array(tokens);
  if (wholeTokens === undefined || length < 2) return undefined;
  tokensOf(batches, ({ places }) => places).forEach((place, i) => values[place] = value(i));
  const mean = values.reduce((sum, x) => sum + x, 0) / tokens;
  let squares = 0;
  for (let i = 0; i < length; i++) {
    const own = values.subarray(offsets[i], offsets[i + 1]);
    squares += own.reduce((sum, x) => sum + x - mean, 0) ** 2;
  }
  const missing = 1 - tokens / wholeTokens;
  return Math.sqrt(missing * squares * length / (length - 1)) / tokens;
}

/** The standard error of an exact perplexity, to first order: that of the mean -log p, times the perplexity. */
export function perplexityError(
  { ppl, scores: { score, logZ } }: Pick<Evaluation, "ppl" | "scores">,
  part: Omit<ScoredPart, "value">,
): number | undefined {
  const error = standardError({ ...part, value: (i) => logZ[i]! - score[i]! });
  return error && ppl * error;
}
