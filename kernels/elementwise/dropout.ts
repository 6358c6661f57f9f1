/** Dropout whose mask is never stored: forward and backward draw the same one. */

import kernel from "./dropout.wgsl" with { type: "text" };
import { expectFraction } from "../device/expect.ts";
import { partLaunch, rowWidth, withPart } from "../random/part.ts";
import { randomUniform, withRandom } from "../random/philox.ts";
import { expectStream, type RandomStream } from "../random/stream.ts";
import { forEachSlice } from "../device/parts.ts";
import { widened } from "./halves.ts";
import { tensorLike } from "../device/scope.ts";
import type { Step } from "../autograd/step.ts";
import { expectTable } from "../device/tables.ts";
import type { Tensor } from "../device/tensor.ts";

const source = withRandom(withPart(kernel));

/**
 * Sets each element to zero with probability `p` and divides the others by `1 - p`; where the step has no
 * dropout, as outside training, it returns `x` itself. The mask is a function of the stream and of the step's
 * seed and number. In a step on a part of a batch, `x` has rows of this part, unless it is `shared`: not of the
 * batch, and the same for all ranks.
 *
 * @throws {RangeError} Unless 0 <= p < 1, or if another stream of that name draws in the step.
 */
export function dropout(
  step: Step,
  x: Tensor,
  p: number,
  stream: RandomStream,
  shared = false,
): Tensor {
  expectTable("dropout", step, x, "x");
  expectFraction("run dropout", "p", p);
  expectStream("run dropout", stream);
  if (!step.dropout || p === 0) return x;
  const floats = widened(step, x);
  const key = randomUniform(step.randomKey(stream)), part = shared ? undefined : step.part;
  const { constants, uniform } = partLaunch(part), W = rowWidth("dropout", part, x.size);
  const apply = (input: Tensor) => {
    const output = tensorLike(step, input), width = input.size / (input.shape[0] ?? 1);
    forEachSlice([input, output], ([some, out], first) =>
      step.gpu.dispatch({
        label: "dropout",
        source,
        inputs: [some],
        outputs: [out],
        constants,
        uniform: { n: some.size, block: first * width / 4, p, W, ...key, ...uniform },
        grid: Math.ceil(some.size / 256),
      }));
    return output;
  };
  return step.record({
    name: "dropout",
    inputs: [floats],
    output: apply(floats),
    backward: (dOut) => [apply(dOut)],
  });
}
