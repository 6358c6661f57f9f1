/** What several steps of SGD without a gradient do to a row at once: the product of their matrices. */

/** Steps that are multiplied at most. */
export const MAX_STEPS = 1024;

/** Coefficients of stochastic gradient descent that stay the same; the learning rate may change. */
export interface SGDCoefficients {
  /** Momentum; 0 where no moment is kept. */
  readonly momentum: number;
  /** Weight decay (an L2 penalty added to the gradient). */
  readonly weightDecay: number;
}

/** Steps in succession that have one learning rate. */
export interface Run {
  readonly steps: number;
  readonly lr: number;
}

/** How many steps these are. */
export function stepsOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { steps }) => sum + steps, 0);
}

/**
 * For n from 0 to {@linkcode MAX_STEPS}, the product of the matrices of the last n steps of `runs`, in the layout
 * of lazy_rows.wgsl. It is computed in float64, so that the rows' rounding is that of one step.
 */
export function productsOf(
  runs: readonly Run[],
  { momentum, weightDecay }: SGDCoefficients,
): Float32Array {
  const products = new Float32Array(4 * (MAX_STEPS + 1)), rates = latestRates(runs);
  let a = 1, b = 0, c = 0, d = 0; // d: the element minus 1, so that rounding does not lose a small decay
  for (let n = 0; n <= MAX_STEPS; n++) {
    const i = 4 * n; // set() of an array takes three times as long
    [products[i], products[i + 1], products[i + 2], products[i + 3]] = [a, b, c, d];
    // The product times the matrix of the step before: its value moves by its new moment.
    const lr = rates[n]!;
    const byMoment = a - lr * b, toValue = c - lr * (1 + d);
    a = momentum * byMoment;
    b += weightDecay * byMoment;
    c = momentum * toValue;
    d += weightDecay * toValue;
  }
  return products;
}

/** The learning rates of the last steps, latest first. Before the first of `runs`, each step has its rate. */
function latestRates(runs: readonly Run[]): Float64Array {
  const rates = new Float64Array(MAX_STEPS + 1).fill(runs[0]!.lr);
  let at = 0;
  for (const { steps, lr } of runs.toReversed()) rates.fill(lr, at, at += steps);
  return rates;
}
