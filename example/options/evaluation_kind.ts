/** How a test can be scored, and which models can be tested like that. */

/** How a test is scored. */
export type EvaluationKind = "full" | "nce" | "loss" | { readonly sampled: number };

/** Settings of a model that its evaluation depends on. */
export interface EvaluatedSettings {
  /** Training loss. */
  readonly loss: string;
  /** Where noise comes from. */
  readonly noise: string;
  /** Noise samples for a target. */
  readonly noiseRatio: number;
  /** Different samples. */
  readonly unique: boolean;
}

/** Why a model of these settings cannot be tested like that, or undefined: one line with the cure. */
export function evaluationProblem(
  { loss, noise, noiseRatio, unique }: EvaluatedSettings,
  evaluation: EvaluationKind,
): string | undefined {
  const kind = evaluationText(evaluation);
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
  if (noise.startsWith("batch")) {
    const cure = loss === "sampled" ? "full or loss" : "full or nce";
    return cannot(`--noise ${noise} has as many samples as a batch has words`, cure);
  }
  if (unique && evaluation.sampled !== noiseRatio) {
    return cannot("with --unique there are --noise-ratio samples", `sampled:${noiseRatio}`);
  }
  return undefined;
}

/** An evaluation as `--evaluation` spells it. */
export function evaluationText(evaluation: EvaluationKind): string {
  return typeof evaluation === "object" ? `sampled:${evaluation.sampled}` : evaluation;
}
