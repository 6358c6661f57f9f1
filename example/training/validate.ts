/** The validation after an epoch, by which models are compared. */

import { scoredBatches } from "../data/batches.ts";
import { knownWords, type SelfNormalization, selfNormalization } from "../evaluation/card.ts";
import { evaluate, evaluateLoss } from "../evaluation/evaluate.ts";
import { perplexityError } from "../evaluation/standard_error.ts";
import { validationKind } from "../options/evaluation_kind.ts";
import { normTermOf } from "../model/model.ts";
import type { SavedValidation } from "../storage/model_file.ts";
import { formatLoss, formatPerplexity } from "../shared/format.ts";
import { Bar } from "../shared/progress.ts";
import { UNK } from "../data/vocab.ts";
import type { Run } from "./run.ts";

/** Result of a validation. */
export interface Validation extends SavedValidation {
  /** The result as text. */
  readonly text: string;
  /** The result for the record. */
  readonly fields: { validPpl?: number; validPplKnown?: number; validLoss?: number };
  /** Self-normalisation of the model, if it gives probabilities. */
  readonly card?: SelfNormalization;
}

/**
 * Exact perplexity, or the loss if the model gives no probabilities.
 *
 * If training has no unknown words, models are compared without them: nothing can be learned about them,
 * and their probability only falls.
 *
 * @throws {Stopped} If a stop is requested.
 */
export async function validate(
  { gpu, model, corpus, settings, io, ranks }: Pick<
    Run,
    "gpu" | "model" | "corpus" | "settings" | "io" | "ranks"
  >,
): Promise<Validation> {
  const { valid, wholeTokens, vocabulary } = corpus;
  const kind = validationKind(settings), batches = scoredBatches(valid, kind, settings);
  using bar = new Bar(io, "validating", batches.length);
  if (kind === "loss") {
    const { loss } = await evaluateLoss(gpu, model, batches, { ranks, stop: ranks.stop, bar });
    return {
      kind: "loss",
      measure: loss,
      text: formatLoss(loss, false),
      fields: { validLoss: loss },
    };
  }
  const found = await evaluate(gpu, model, batches, { ranks, stop: ranks.stop, bar });
  const { ppl, scores } = found;
  const card = selfNormalization(scores, await normTermOf(gpu, model));
  const part = { text: valid, batches, wholeTokens: wholeTokens?.valid };
  const error = perplexityError(found, part);
  const known = knownWords(scores), hasUnknown = known.unknown > 0;
  const text = `ppl ${formatPerplexity(ppl)}` +
    (error === undefined ? "" : ` \u00b1 ${formatPerplexity(error)}`) +
    (hasUnknown ? ` (${formatPerplexity(known.ppl)} without unknown words)` : "");
  const onlyKnown = hasUnknown && vocabulary.counts[UNK] === 0;
  return {
    kind: onlyKnown ? "known ppl" : "ppl",
    measure: onlyKnown ? known.ppl : ppl,
    text,
    fields: { validPpl: ppl, ...(hasUnknown && { validPplKnown: known.ppl }) },
    card,
  };
}
