/** How much the language model and the number of words count beside what was heard. */

/** Weights of a total score, `acoustic + lm * (score of the language model) + penalty * words`. */
export interface Weights {
  readonly lm: number;
  /** What is added for each word; negative where words cost. */
  readonly penalty: number;
}

/** An utterance as the choice among its hypotheses needs it: a number for each of them. */
export interface Choice {
  readonly acoustic: Float64Array;
  /** The language model's score, interpolated if asked for. */
  readonly lm: Float64Array;
  readonly words: Float64Array;
  /** Word errors. */
  readonly errors: Float64Array;
}

/** Weights of the language model that are tried first, from 1/8 to 128, and penalties as parts of these. */
const LM_WEIGHTS = Array.from({ length: 41 }, (_, i) => 2 ** (i / 4 - 3));
const PENALTIES = Array.from({ length: 25 }, (_, i) => (i - 12) / 2);
/** Rounds in which the neighbours of the best are tried, each closer than those before. */
const ROUNDS = 4;

/** The total score of each hypothesis. */
export function totals(
  { acoustic, lm, words }: Omit<Choice, "errors">,
  weights: Weights,
): Float64Array {
  return acoustic.map((score, i) => score + weights.lm * lm[i]! + weights.penalty * words[i]!);
}

/** The number of the best hypothesis, the first among equals. */
export function best(choice: Omit<Choice, "errors">, { lm: weight, penalty }: Weights): number {
  const { acoustic, lm, words } = choice;
  let found = 0, highest = -Infinity;
  for (let i = 0; i < acoustic.length; i++) {
    const total = acoustic[i]! + weight * lm[i]! + penalty * words[i]!;
    if (total > highest) [found, highest] = [i, total];
  }
  return found;
}

/**
 * The weights with the fewest errors: a grid, and then ever closer neighbours of its best. Of equal ones,
 * those nearest to one for the language model and none for words.
 *
 * @param fixed Weights that are given, and not searched.
 */
export function searchWeights(choices: readonly Choice[], fixed: Partial<Weights> = {}): Weights {
  const tried = new Map<string, { weights: Weights; errors: number }>();
  const attempt = (lm: number, penalty: number) => {
    const weights = { lm: fixed.lm ?? lm, penalty: fixed.penalty ?? penalty };
    const key = `${weights.lm} ${weights.penalty}`;
    if (tried.has(key)) return;
    const errors = choices.reduce((sum, choice) => sum + choice.errors[best(choice, weights)]!, 0);
    tried.set(key, { weights, errors });
  };
  const winner = () =>
    [...tried.values()].reduce((a, b) =>
      b.errors < a.errors || (b.errors === a.errors && size(b.weights) < size(a.weights)) ? b : a
    ).weights;
  for (const lm of LM_WEIGHTS) for (const part of PENALTIES) attempt(lm, (fixed.lm ?? lm) * part);
  for (let round = 0, closer = 1 / 8; round < ROUNDS; round++, closer /= 2) {
    const { lm, penalty } = winner(), stride = 2 * lm * closer;
    for (const i of [-2, -1, 0, 1, 2]) {
      for (const j of [-2, -1, 0, 1, 2]) attempt(lm * 2 ** (i * closer), penalty + j * stride);
    }
  }
  return winner();
}

function size({ lm, penalty }: Weights): number {
  return Math.abs(Math.log(lm)) + Math.abs(penalty);
}
