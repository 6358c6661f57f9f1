/** How commands score text: the modes, their names, and the models that support them. */

import { isFromBatch } from "./choices.ts";
import { SAMPLED, scoringText } from "./evaluation_kind.ts";
import { type SettingOf, wordOr } from "./option.ts";
import type { ModelSettings } from "./options.ts";

/** How a word's log probability is computed. */
export const MODE = wordOr(["exact", "raw", "raw-best"], {
  ...SAMPLED,
  value: "mode",
  default: "exact",
  help:
    "How a word is scored: exact (normalised over all words), raw (the score less the model's " +
    "norm term, not normalised), raw-best (less the mean log normaliser that validation found) or " +
    "sampled:K (minus the sampled loss, which tells the word from K samples: no log probability).",
});

/** How a word's log probability is computed: see {@linkcode MODE}. */
export type ScoreMode = SettingOf<typeof MODE>;

/** Why a model with these settings does not support the mode: one line with the cure, or undefined. */
export function modeProblem(
  { loss, noise, noiseRatio, unique }: ModelSettings,
  mode: ScoreMode,
): string | undefined {
  if (loss === "neg") return "it was trained by --loss neg, and its scores are no probabilities";
  if (typeof mode !== "object") return undefined;
  const cannot = `it cannot score by --mode ${scoringText(mode)}`;
  if (isFromBatch(noise)) {
    return `${cannot}: its --noise ${noise} has as many samples as a batch has words; give --mode exact`;
  }
  if (unique && mode.sampled !== noiseRatio) {
    return `${cannot}: it was trained with --unique; give --mode sampled:${noiseRatio}`;
  }
  return undefined;
}
