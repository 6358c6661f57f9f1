/** Log probabilities of the words in sentences. */

import type { Gpu } from "../../mod.ts";
import { evaluationBatches } from "../data/batches.ts";
import type { RowBatch } from "../data/row_batch.ts";
import { SentencesBuilder } from "../data/sentences.ts";
import { UNK, type Vocabulary } from "../data/vocab.ts";
import type { WordModel } from "../model/model.ts";
import type { EvaluationKind } from "../options/evaluation_kind.ts";
import { tokensOf } from "./collected.ts";
import { evaluate, evaluateTokens, type ScoringWatch, setLoss } from "./evaluate.ts";

/** A model and how it scores. */
export interface TextScorerOptions {
  /** The model; the scorer takes over its criterion. */
  readonly model: WordModel;
  readonly vocabulary: Vocabulary;
  readonly kind: Exclude<EvaluationKind, "loss">;
  /** Added to each log probability, for example to correct the norm term; 0 unless given. */
  readonly shift?: number;
}

/** Score of a sentence. */
export interface SentenceScore {
  /** The natural log probability of each word, then of the end of the sentence. */
  readonly logProbs: Float64Array;
  /** The sum of these. */
  readonly logProb: number;
  /** For each word, whether it is unknown and scored as `<unk>`. */
  readonly unknown: readonly boolean[];
}

/** Scores sentences with a model. */
export class TextScorer {
  readonly #gpu: Gpu;
  readonly #options: TextScorerOptions;

  /** Throws a RangeError if the model's noise cannot draw so many samples. */
  constructor(gpu: Gpu, options: TextScorerOptions) {
    this.#gpu = gpu;
    this.#options = options;
    const { kind, model: { criterion } } = options;
    if (kind !== "full") setLoss(criterion, kind);
  }

  /**
   * Scores sentences of any length, the words of each without marks at its ends.
   *
   * @param onPart Receives each finished fraction of the work; they sum to 1.
   */
  async score(
    sentences: readonly (readonly string[])[],
    onPart: (part: number) => void = () => {},
  ): Promise<SentenceScore[]> {
    const builder = new SentencesBuilder(), { vocabulary, shift = 0 } = this.#options;
    for (const words of sentences) builder.add(vocabulary.encode(words));
    const text = builder.build(), batches = evaluationBatches(text);
    const bar = { step: () => onPart(1 / batches.length) };
    const scores = await this.#scores(batches, { bar }), logProbs = new Float64Array(text.tokens);
    tokensOf(batches, ({ places }) => places)
      .forEach((place, i) => logProbs[place] = scores(i) + shift);
    return sentences.map((_, i) => {
      const own = logProbs.subarray(text.offsets[i], text.offsets[i + 1]);
      const ids = text.at(i).subarray(1, -1);
      return {
        logProbs: own,
        logProb: own.reduce((sum, logProb) => sum + logProb, 0),
        unknown: Array.from(ids, (id) => id === UNK),
      };
    });
  }

  /** The log probability of the i-th token of `batches`. */
  async #scores(batches: readonly RowBatch[], watch: ScoringWatch): Promise<(i: number) => number> {
    const { kind, model } = this.#options;
    if (kind === "full") {
      const { scores: { score, logZ } } = await evaluate(this.#gpu, model, batches, watch);
      return (i) => score[i]! - logZ[i]!;
    }
    const losses = await evaluateTokens(this.#gpu, model, batches, { ...watch, sameNoise: true });
    return (i) => -losses[i]!;
  }
}
