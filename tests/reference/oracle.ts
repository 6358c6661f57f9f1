/** What an oracle is: an operation in float64 in its plainest form, and the check of its gradient. */

import { assertClose } from "../support/close.ts";
import { values } from "./data.ts";

/** An operation's output, and the way of a gradient from there back to each input. */
export interface Evaluation {
  readonly output: Float64Array;
  backward(dOutput: Float64Array): Float64Array[];
}

/** An operation on flat row-major arrays; its sizes are known to the function that made it. */
export type Oracle = (...inputs: Float64Array[]) => Evaluation;

/** Gradients of `objective` at `inputs` by central differences. */
export function centralDifferences(
  objective: (inputs: readonly Float64Array[]) => number,
  inputs: readonly Float64Array[],
): Float64Array[] {
  return inputs.map((input, which) =>
    input.map((x, i) => {
      const at = (moved: number) => {
        const points = inputs.map((array) => array.slice());
        points[which]![i] = moved;
        return objective(points);
      };
      const h = 1e-5 * Math.max(1, Math.abs(x));
      return (at(x + h) - at(x - h)) / (2 * h);
    })
  );
}

/** Throws unless the gradients of `oracle` agree with central differences at `inputs`. */
export function assertGradients(oracle: Oracle, inputs: readonly Float64Array[], what: string) {
  const { output, backward } = oracle(...inputs);
  const dOutput = Float64Array.from(values(output.length, 99));
  const objective = (points: readonly Float64Array[]) =>
    oracle(...points).output.reduce((sum, y, i) => sum + dOutput[i]! * y, 0);
  const differences = centralDifferences(objective, inputs);
  backward(dOutput).forEach((gradient, which) => {
    const tolerance = { atol: 1e-8, rtol: 1e-6 };
    assertClose(gradient, differences[which]!, tolerance, `${what}, input ${which}`);
  });
}
