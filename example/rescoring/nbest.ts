/** N-best lists: what a recogniser takes for possible, with its scores. */

/** A sentence that may have been said. All scores are natural logarithms. */
export interface Hypothesis {
  readonly words: readonly string[];
  /** Of what was heard, given the words. */
  readonly acoustic: number;
  /** Of the words, by the language model that the list was made with; undefined where it is not told. */
  readonly lm?: number;
  /** Of the path through the recogniser's graph, without the language model's; as a part of its score. */
  readonly graph?: number;
  /** Of the words, by the language that they are really from, where that is known. */
  readonly truth?: number;
}

/** The hypotheses for an utterance, in the order in which they came. */
export interface NBestList {
  readonly id: string;
  /** What was said, where it is known. */
  readonly reference?: readonly string[];
  readonly hypotheses: readonly Hypothesis[];
}
