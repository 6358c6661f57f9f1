/** Pearson's test: how likely counts are to differ from their distribution by chance. */

/**
 * Probability that counts of `probabilities` differ at least as much as `counts` do.
 * Classes with fewer than five expected draws are taken together.
 */
export function chiSquareProbability(
  counts: ArrayLike<number>,
  probabilities: ArrayLike<number>,
): number {
  const draws = Array.from(counts).reduce((sum, n) => sum + n, 0);
  const cells: { count: number; expected: number }[] = [];
  const rest = { count: 0, expected: 0 };
  for (let i = 0; i < counts.length; i++) {
    const cell = { count: counts[i]!, expected: draws * probabilities[i]! };
    if (cell.expected >= 5) cells.push(cell);
    else rest.count += cell.count, rest.expected += cell.expected;
  }
  if (rest.expected >= 5 || cells.length === 0) cells.push(rest);
  else cells[0]!.count += rest.count, cells[0]!.expected += rest.expected;
  const statistic = cells.reduce((sum, c) => sum + (c.count - c.expected) ** 2 / c.expected, 0);
  return cells.length === 1 ? 1 : chiSquareSurvival(statistic, cells.length - 1);
}

/** Probability that a chi-square variable of `degrees` degrees of freedom exceeds `x`. */
export function chiSquareSurvival(x: number, degrees: number): number {
  // Wilson and Hilferty 1931: the cube root of x / degrees is nearly normal.
  const spread = 2 / (9 * degrees);
  return normalSurvival((Math.cbrt(x / degrees) - (1 - spread)) / Math.sqrt(spread));
}

/** Probability that a standard normal variable exceeds `z`, by Simpson's rule. */
function normalSurvival(z: number): number {
  if (z < 0) return 1 - normalSurvival(-z);
  const intervals = 2000, reach = 12, width = reach / intervals;
  let sum = 0;
  for (let i = 0; i <= intervals; i++) {
    const weight = i === 0 || i === intervals ? 1 : i % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-((z + i * width) ** 2) / 2);
  }
  return sum * width / 3 / Math.sqrt(2 * Math.PI);
}
