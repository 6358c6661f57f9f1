/** Word errors: a hypothesis aligned with its reference, as sclite does it. */

/** Counts of an alignment's edits. */
export interface WordErrors {
  readonly substitutions: number;
  readonly deletions: number;
  readonly insertions: number;
  /** Words of the reference. */
  readonly words: number;
}

/** One step of an alignment: equal words, a substitution, a deletion or an insertion. */
export type Edit = "C" | "S" | "D" | "I";

/** NIST's weights: a substitution costs less than a deletion and an insertion together. */
const SUBSTITUTION = 4, DELETION = 3, INSERTION = 3;

/**
 * The edits that turn the reference into the hypothesis, at the least cost by NIST's weights. Ties are
 * resolved like in sclite: from the end, a pair of words is preferred to an insertion, and an insertion to
 * a deletion.
 */
export function align(reference: readonly string[], hypothesis: readonly string[]): Edit[] {
  const columns = hypothesis.length + 1, costs = new Int32Array((reference.length + 1) * columns);
  const pairCost = (at: number, i: number, j: number) =>
    costs[at - columns - 1]! + (reference[i - 1] === hypothesis[j - 1] ? 0 : SUBSTITUTION);
  for (let i = 0, at = 0; i <= reference.length; i++) {
    for (let j = 0; j <= hypothesis.length; j++, at++) {
      if (at === 0) continue;
      costs[at] = Math.min(
        i > 0 ? costs[at - columns]! + DELETION : Infinity,
        j > 0 ? costs[at - 1]! + INSERTION : Infinity,
        i > 0 && j > 0 ? pairCost(at, i, j) : Infinity,
      );
    }
  }
  const edits: Edit[] = [];
  for (let i = reference.length, j = hypothesis.length; i > 0 || j > 0;) {
    const at = i * columns + j;
    if (i > 0 && j > 0 && costs[at] === pairCost(at, i, j)) {
      edits.push(reference[--i] === hypothesis[--j] ? "C" : "S");
    } else if (j > 0 && costs[at] === costs[at - 1]! + INSERTION) {
      edits.push("I");
      j--;
    } else {
      edits.push("D");
      i--;
    }
  }
  return edits.reverse();
}

/** Counts the edits of an alignment. */
export function countErrors(edits: readonly Edit[]): WordErrors {
  const count = (kind: Edit) => edits.reduce((sum, edit) => edit === kind ? sum + 1 : sum, 0);
  const insertions = count("I");
  return {
    substitutions: count("S"),
    deletions: count("D"),
    insertions,
    words: edits.length - insertions,
  };
}

/** Total number of errors. */
export function errorsOf({ substitutions, deletions, insertions }: WordErrors): number {
  return substitutions + deletions + insertions;
}

/** Sums the errors of several sentences. */
export function sumErrors(all: readonly WordErrors[]): WordErrors {
  const sum = (name: keyof WordErrors) => all.reduce((total, errors) => total + errors[name], 0);
  return {
    substitutions: sum("substitutions"),
    deletions: sum("deletions"),
    insertions: sum("insertions"),
    words: sum("words"),
  };
}

/** The word error rate in per cent; NaN without words. */
export function errorRate(errors: WordErrors): number {
  return 100 * errorsOf(errors) / errors.words;
}
