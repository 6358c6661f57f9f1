/** Log probabilities of the words of sentences, by any of the modes. */

import type { Gpu } from "../../mod.ts";
import { evaluationBatches } from "../data/batches.ts";
import type { RowBatch } from "../data/row_batch.ts";
import { SentencesBuilder } from "../data/sentences.ts";
import { UNK, type Vocabulary } from "../data/vocab.ts";
import type { WordModel } from "../model/model.ts";
import type { ScoreMode } from "../options/scoring.ts";
import { tokensOf } from "./collected.ts";
import { evaluate, evaluateTokens, type Watch } from "./evaluate.ts";

/** A model and how it scores. */
export interface TextScorerOptions {
  /** The model, whose criterion then serves nothing else. */
  readonly model: WordModel;
  readonly vocabulary: Vocabulary;
  readonly mode: ScoreMode;
  /** What is added to each log probability, such as a correction of the norm term; 0 unless given. */
  readonly shift?: number;
}

/** How probable a sentence is. */
export interface SentenceScore {
  /** The natural log probability of each word, and at last of the sentence's end. */
  readonly logProbs: Float64Array;
  /** The sum of these. */
  readonly logProb: number;
  /** For each word whether the model does not know it: it is scored as `<unk>`. */
  readonly unknown: readonly boolean[];
}

/** Scores sentences with a model. */
export class TextScorer {
  readonly #gpu: Gpu;
  readonly #options: TextScorerOptions;

  /** Throws a RangeError if the model's noise cannot draw the samples of the mode. */
  constructor(gpu: Gpu, options: TextScorerOptions) {
    this.#gpu = gpu;
    this.#options = options;
    const { mode, model: { criterion } } = options;
    if (typeof mode === "object") {
      criterion.noiseRatio = mode.sampled;
      criterion.lossType = "sampled";
    } else if (mode !== "exact") criterion.lossType = "nce";
  }

  /**
   * Scores sentences of any length, the words of each without marks at its ends.
   *
   * @throws {Stopped} If a stop is requested.
   */
  async score(
    sentences: readonly (readonly string[])[],
    watch: Watch = {},
  ): Promise<SentenceScore[]> {
    const builder = new SentencesBuilder(), { vocabulary, shift = 0 } = this.#options;
    for (const words of sentences) builder.add(vocabulary.encode(words));
    const text = builder.build(), batches = evaluationBatches(text);
    const scores = await this.#scores(batches, watch), logProbs = new Float64Array(text.tokens);
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
  async #scores(batches: readonly RowBatch[], watch: Watch): Promise<(i: number) => number> {
    const { mode, model } = this.#options;
    if (mode === "exact") {
      const { scores: { score, logZ } } = await evaluate(this.#gpu, model, batches, watch);
      return (i) => score[i]! - logZ[i]!;
    }
    const losses = await evaluateTokens(this.#gpu, model, batches, watch);
    return (i) => -losses[i]!;
  }
}
