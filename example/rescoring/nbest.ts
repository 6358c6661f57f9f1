/** N-best lists: a recogniser's hypotheses with their scores. */

/** A sentence that may have been said. All scores are natural logarithms. */
export interface Hypothesis {
  readonly words: readonly string[];
  /** Score of the sounds, given the words. */
  readonly acoustic: number;
  /** Score of the words by the language model that made the list; undefined if unknown. */
  readonly lm?: number;
  /** Score of the path through the recogniser's graph, without the language model's. */
  readonly graph?: number;
  /** Score of the words by the true language, if known. */
  readonly truth?: number;
}

/** The hypotheses for an utterance, in their original order. */
export interface NBestList {
  readonly id: string;
  /** The reference transcript, if known. */
  readonly reference?: readonly string[];
  readonly hypotheses: readonly Hypothesis[];
}
