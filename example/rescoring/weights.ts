/** Weights of the language model and the number of words, relative to the acoustic score. */

/** Weights of a total score, `acoustic + lm * (score of the language model) + penalty * words`. */
export interface Weights {
  readonly lm: number;
  /** Added for each word; negative values favour short hypotheses. */
  readonly penalty: number;
}

/** Scores of a list, one number per hypothesis. */
export interface ListScores {
  readonly acoustic: Float64Array;
  /** The language model's score, interpolated if requested. */
  readonly lm: Float64Array;
  readonly words: Float64Array;
  /** Word errors. */
  readonly errors: Float64Array;
}

/** The first grid: language model weights from 1/8 to 128, and penalties as fractions of them. */
const LM_WEIGHTS = Array.from({ length: 41 }, (_, i) => 2 ** (i / 4 - 3));
const PENALTIES = Array.from({ length: 25 }, (_, i) => (i - 12) / 2);
/** Steps to neighbours of the best, which shrink when none is better. */
const NEIGHBOURS = [-2, -1, 0, 1, 2];
const CLOSEST = 1 / 256;

/** The total score of each hypothesis. */
export function totals(list: Omit<ListScores, "errors">, weights: Weights): Float64Array {
  return list.acoustic.map((_, i) => totalOf(list, i, weights));
}

function totalOf(
  { acoustic, lm, words }: Omit<ListScores, "errors">,
  i: number,
  weights: Weights,
): number {
  return acoustic[i]! + weights.lm * lm[i]! + weights.penalty * words[i]!;
}

/** The index of the best hypothesis, the first of equals. */
export function best(list: Omit<ListScores, "errors">, weights: Weights): number {
  let found = 0, highest = -Infinity;
  for (let i = 0; i < list.acoustic.length; i++) {
    const total = totalOf(list, i, weights);
    if (total > highest) [found, highest] = [i, total];
  }
  return found;
}

/**
 * Tunes the weights for the fewest errors: a grid search, then ever closer neighbours of the best. Of those that
 * are tuned, ties go to weights close to 1 for the language model and 0 for words.
 *
 * @param fixed Given weights, which are not tuned.
 */
export function searchWeights(lists: readonly ListScores[], fixed: Partial<Weights> = {}): Weights {
  const tried = new Map<string, { weights: Weights; errors: number }>();
  const attempt = (lm: number, penalty: number) => {
    const weights = { lm: fixed.lm ?? lm, penalty: fixed.penalty ?? penalty };
    const key = `${weights.lm} ${weights.penalty}`;
    if (tried.has(key)) return;
    const errors = lists.reduce((sum, list) => sum + list.errors[best(list, weights)]!, 0);
    tried.set(key, { weights, errors });
  };
  const size = ({ lm, penalty }: Weights) =>
    (fixed.lm === undefined ? Math.abs(Math.log(lm)) : 0) + Math.abs(penalty);
  const winner = () =>
    [...tried.values()].reduce((a, b) =>
      b.errors < a.errors || (b.errors === a.errors && size(b.weights) < size(a.weights)) ? b : a
    ).weights;
  for (const lm of LM_WEIGHTS) for (const part of PENALTIES) attempt(lm, (fixed.lm || lm) * part);
  for (let closer = 1 / 8; closer > CLOSEST;) {
    const center = winner(), stride = 2 * (center.lm || 1) * closer;
    for (const i of NEIGHBOURS) {
      for (const j of NEIGHBOURS) {
        attempt(center.lm * 2 ** (i * closer), center.penalty + j * stride);
      }
    }
    if (winner() === center) closer /= 2;
  }
  return winner();
}
