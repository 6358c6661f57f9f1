/** Which rows take pieces of which length: best fit, longest first. */

/** Number of pieces of each length. */
export type LengthCounts = ReadonlyMap<number, number>;

/** Rows that are filled alike: each has `left` steps left, takes so many pieces of a length, and then `leaves`. */
interface Fill {
  readonly rows: number;
  readonly left: number;
  readonly pieces: number;
  readonly length: number;
  readonly leaves: number;
}

/** Fills rows of `space` steps: best fit, longest first. New rows have all of `space` left, others less. */
export function* bestFit(counts: LengthCounts, space: number): Generator<Fill> {
  const open = new Float64Array(space); // the number of rows with so many steps left
  for (const [length, count] of [...counts].sort(([a], [b]) => b - a)) {
    let missing = count, left = Math.min(length, space);
    while (missing > 0) {
      // A row takes pieces until the next one does not fit: no other row has less space.
      const pieces = Math.min(missing, Math.max(1, Math.floor(left / length)));
      const most = left === space ? Infinity : open[left]!;
      const rows = Math.min(most, Math.floor(missing / pieces));
      if (rows === 0) {
        left++;
        continue;
      }
      const leaves = Math.max(0, left - pieces * length);
      if (left < space) open[left]! -= rows;
      open[leaves]! += rows;
      missing -= rows * pieces;
      yield { rows, left, pieces, length, leaves };
    }
  }
}

/** Number of rows that pieces of these lengths fill. */
export function countRows(counts: LengthCounts, space: number): number {
  let rows = 0;
  for (const fill of bestFit(counts, space)) if (fill.left === space) rows += fill.rows;
  return rows;
}
