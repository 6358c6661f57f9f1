/** Ways to score a test, and the models that support them. */

import { isFromBatch, type LossName, type NoiseName } from "./choices.ts";
import { type Range, RESULTS, type SettingOf, wordOr } from "./option.ts";

/** Number of noise samples per target. */
export const SAMPLES: Range = [1, 1e7];

/** The parsed `sampled:K`. */
interface Sampled {
  readonly sampled: number;
}

/** `sampled:K`, a number of samples to score with. */
export const SAMPLED = {
  wants: `sampled:K with K from ${SAMPLES.join(" to ")}`,
  read(text: string): Sampled | undefined {
    const [, digits] = /^sampled:(\d+)$/.exec(text) ?? [], sampled = Number(digits);
    return sampled >= SAMPLES[0] && sampled <= SAMPLES[1] ? { sampled } : undefined;
  },
} as const;

/** How a test is scored. */
export const EVALUATION = wordOr(["full", "nce", "loss"], {
  value: "kind",
  default: "full",
  help:
    "How the test is scored: full (normalised: a perplexity), nce (scores less the norm term, " +
    "not normalised), sampled:K (the sampled loss of K samples) or loss (that of training: full, " +
    "sampled, neg).",
  modes: RESULTS,
  ...SAMPLED,
});

/** How a test is scored: normalised, by raw scores, by the training loss, or by samples. */
export type EvaluationKind = SettingOf<typeof EVALUATION>;

/** How models are compared after each epoch: by the loss if they have no perplexity. */
export function validationKind({ loss }: { readonly loss: LossName }): EvaluationKind {
  return loss === "neg" ? "loss" : "full";
}

/** Settings of a model that its evaluation depends on. */
interface EvaluatedSettings {
  readonly loss: LossName;
  readonly noise: NoiseName;
  readonly noiseRatio: number;
  readonly unique: boolean;
}

/** Why a model with these settings does not support the evaluation: one line with the cure, or undefined. */
export function evaluationProblem(
  { loss, noise, noiseRatio, unique }: EvaluatedSettings,
  evaluation: EvaluationKind,
): string | undefined {
  const kind = scoringText(evaluation);
  const cannot = (why: string, cure: string) =>
    `Cannot test a model of --loss ${loss} by --evaluation ${kind}: ${why}; give ` +
    `--evaluation ${cure}`;
  if (loss === "neg" && evaluation !== "loss") {
    return cannot("its scores are no probabilities, and it has no perplexity", "loss");
  }
  if (evaluation === "loss" && loss === "nce") {
    return cannot("outside training its loss is the raw scores'", "nce");
  }
  if (evaluation === "loss" && loss === "mix") {
    return cannot("it is a loss for training only", "full or nce");
  }
  if (typeof evaluation !== "object") return undefined;
  if (isFromBatch(noise)) {
    const cure = loss === "sampled" ? "full or loss" : "full or nce";
    return cannot(`--noise ${noise} has as many samples as a batch has words`, cure);
  }
  if (unique && evaluation.sampled !== noiseRatio) {
    return cannot("with --unique there are --noise-ratio samples", `sampled:${noiseRatio}`);
  }
  return undefined;
}

/** What a test with this evaluation measures, if it gives no perplexity: nce's is not the loss of that name. */
export function measureText(evaluation: string): string {
  if (evaluation === "nce") return "raw negative log probability";
  return evaluation === "loss" ? evaluation : `${evaluation} loss`;
}

/** An evaluation or a mode, as spelled for `--evaluation` or `--mode`. */
export function scoringText(kind: string | Sampled): string {
  return typeof kind === "object" ? `sampled:${kind.sampled}` : kind;
}
