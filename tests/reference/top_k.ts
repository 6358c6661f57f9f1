/** The best of a row by sorting it. */

/** Ids of the `k` largest scores, best first: NaN before all others, equal ones by the smaller id. */
export function bestOf(scores: ArrayLike<number>, k: number): Uint32Array {
  const ids = Uint32Array.from({ length: scores.length }, (_, id) => id);
  const isNaN = (id: number) => Number(Number.isNaN(scores[id]));
  // A difference that is NaN, as of infinities or of two NaN, is passed over.
  ids.sort((i, j) => isNaN(j) - isNaN(i) || scores[j]! - scores[i]! || i - j);
  return ids.subarray(0, k);
}
