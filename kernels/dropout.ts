/** Dropout whose mask is never stored: forward and backward draw the same one. */

import source from "./dropout.wgsl" with { type: "text" };
import { randomSource, randomUniform } from "./random.ts";
import type { Step } from "./step.ts";
import type { Tensor } from "./tensor.ts";

const withRandom = randomSource + source;

/**
 * Sets each element to zero with probability `p` and divides the others by `1 - p`; in a step that
 * does not train, returns `x` itself. `stream` is the consumer's number, see {@linkcode Gpu.nextStream}.
 */
export function dropout(step: Step, x: Tensor, p: number, stream: number): Tensor {
  if (!step.training || p === 0) return x;
  const key = randomUniform({ seed: step.seed, stream, step: step.number });
  const apply = (input: Tensor) => {
    const out = step.tensor(input.shape);
    step.gpu.dispatch({
      label: "dropout",
      source: withRandom,
      inputs: [input],
      outputs: [out],
      uniform: { n: input.size, p, ...key },
      grid: Math.ceil(input.size / 256),
    });
    return out;
  };
  return step.record({
    name: "dropout",
    inputs: [x],
    output: apply(x),
    backward: (dOut) => [apply(dOut)],
  });
}
