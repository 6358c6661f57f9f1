/** Compares systems by the word errors of the hypotheses that they choose from the same lists. */

import { align, countErrors, type Edit, errorRate, errorsOf, sumErrors } from "./errors.ts";
import type { Hypothesis, NBestList } from "./nbest.ts";
import { bootstrapInterval, type MatchedPairs, matchedPairs } from "./significance.ts";
import type { ListScores, Weights } from "./weights.ts";

/** An utterance with a reference, and each hypothesis' alignment with it. */
interface Utterance {
  readonly list: NBestList;
  readonly edits: readonly (readonly Edit[])[];
  readonly errors: Float64Array;
}

/** The result of a system. */
export interface Result {
  readonly system: string;
  /** Word error rate in per cent. */
  readonly wer: number;
  readonly substitutions: number;
  readonly deletions: number;
  readonly insertions: number;
  /** The bootstrap's 95 % confidence interval; absent where there are too few utterances. */
  readonly interval?: readonly [number, number];
  readonly weights?: Weights;
  readonly seconds?: number;
  /** The matched-pair test against other systems, by name. */
  readonly versus: Readonly<Record<string, MatchedPairs>>;
}

/** Lists with references. */
export class Contest {
  readonly lists: readonly NBestList[];
  readonly #utterances: readonly Utterance[];
  /** The hypotheses that each system chose, one per utterance, by the system's name. */
  readonly #chosen = new Map<string, readonly number[]>();

  /** Aligns all hypotheses; lists have references. */
  constructor(lists: readonly NBestList[]) {
    this.lists = lists;
    this.#utterances = lists.map((list) => {
      const edits = list.hypotheses.map(({ words }) => align(list.reference!, words));
      const errors = Float64Array.from(edits, (own) => errorsOf(countErrors(own)));
      return { list, edits, errors };
    });
  }

  /** Number of words in all references. */
  get words(): number {
    return this.#utterances.reduce((sum, { list }) => sum + list.reference!.length, 0);
  }

  /** Data to tune weights on, with `lm` as the language score. */
  scores(lm: (hypothesis: Hypothesis) => number): ListScores[] {
    return this.#utterances.map(({ list, errors }) => ({ ...scoresOf(list, lm), errors }));
  }

  /** The hypothesis with the fewest errors, in each utterance. */
  oracle(): number[] {
    return this.#utterances.map(({ errors }) => errors.indexOf(Math.min(...errors)));
  }

  /**
   * The result of a system that chooses these hypotheses.
   *
   * @param versus Earlier systems to compare it with.
   */
  judge(
    system: string,
    chosen: readonly number[],
    versus: readonly string[],
    others: Pick<Result, "weights" | "seconds"> = {},
  ): Result {
    this.#chosen.set(system, chosen);
    const own = this.#editsOf(system), counts = own.map(countErrors), sum = sumErrors(counts);
    const interval = bootstrapInterval(
      counts.map((count) => ({ errors: errorsOf(count), words: count.words })),
    );
    return {
      system,
      wer: errorRate(sum),
      substitutions: sum.substitutions,
      deletions: sum.deletions,
      insertions: sum.insertions,
      ...(interval && { interval }),
      ...others,
      versus: Object.fromEntries(versus.map((name) => {
        const theirs = this.#editsOf(name);
        return [name, matchedPairs(own.map((edits, i) => [edits, theirs[i]!] as const))];
      })),
    };
  }

  #editsOf(system: string): (readonly Edit[])[] {
    const chosen = this.#chosen.get(system)!;
    return this.#utterances.map(({ edits }, i) => edits[chosen[i]!]!);
  }
}

/** The scores of a list's hypotheses, side by side. */
export function scoresOf(
  { hypotheses }: NBestList,
  lm: (hypothesis: Hypothesis) => number,
): Omit<ListScores, "errors"> {
  return {
    acoustic: Float64Array.from(hypotheses, ({ acoustic }) => acoustic),
    lm: Float64Array.from(hypotheses, (hypothesis) => (hypothesis.graph ?? 0) + lm(hypothesis)),
    words: Float64Array.from(hypotheses, ({ words }) => words.length),
  };
}
