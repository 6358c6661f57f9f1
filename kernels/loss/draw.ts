/** Draws from the softmax of any scorer, without the scores of all classes at once. */

import type { TileScorer } from "./class_tiles.ts";
import { expectFromZero, expectInteger, expectNames, MAX_WORD } from "../device/expect.ts";
import { randomUniform, withRandom } from "../random/philox.ts";
import { expectStream, type RandomStream } from "../random/stream.ts";
import { expectStep } from "../device/tensor.ts";
import type { Step } from "../autograd/step.ts";
import kernel from "./draw.wgsl" with { type: "text" };
import { bestClasses, type TopK } from "./top_k.ts";

const source = withRandom(kernel);

/** How classes are drawn. */
export interface DrawOptions {
  /** Where the random numbers come from, besides the step's seed and number. */
  stream: RandomStream;
  /** Divides the scores; with 0 the best classes are taken. 1 unless given. */
  temperature?: number;
  /** The number of the first row, on which and on its class a score's noise depends; 0 unless given. */
  firstRow?: number;
}

/**
 * Draws `k` different classes for each row, the first from softmax(scores / temperature), each further one
 * from what the softmax leaves of the others: best first by score + temperature * Gumbel noise, and these sums.
 *
 * As exact as if all N x V probabilities were computed, of whose scores at most `scorer.heldBytes`, and
 * 64 MiB, exist at a time. No gradient flows.
 *
 * Source: Kool, van Hoof and Welling 2019.
 *
 * @throws {RangeError} If `k` is not usable, see {@linkcode topK}, or the temperature is negative.
 */
export function drawClasses(
  step: Step,
  scorer: TileScorer,
  k: number,
  options: DrawOptions,
): TopK {
  const doing = "run drawClasses";
  expectStep("drawClasses", step);
  expectNames(doing, "options", options, ["stream", "temperature", "firstRow"]);
  const { stream, temperature = 1, firstRow = 0 } = options;
  expectStream(doing, stream);
  expectFromZero(doing, "temperature", temperature);
  expectInteger(doing, "firstRow", firstRow, MAX_WORD);
  const key = randomUniform(step.randomKey(stream));
  return bestClasses("drawClasses", step, scorer, k, (scores, { first, count }) => {
    const N = scorer.rows;
    step.gpu.dispatch({
      label: "drawClasses",
      source,
      inputs: [],
      outputs: [scores],
      uniform: { N, count, first, first_row: firstRow, temperature, ...key },
      grid: Math.ceil(N * Math.ceil(count / 4) / 64),
    });
  });
}
