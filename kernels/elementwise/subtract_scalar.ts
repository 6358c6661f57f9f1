/** Subtracts a number that is on the GPU. */

import type { Step } from "../autograd/step.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";
import { scale } from "./arithmetic.ts";
import { sum } from "./reduce.ts";
import source from "./subtract_scalar.wgsl" with { type: "text" };

/** `a - value[0]`, elementwise; gradients flow to both. */
export function subtractScalar(step: Step, a: Tensor, value: Tensor): Tensor {
  expectFloats("subtractScalar", step, { a, value });
  expectShape("subtractScalar", "value", value, [1]);
  const output = step.tensor(a.shape), n4 = Math.ceil(a.size / 4);
  step.gpu.dispatch({
    label: "subtractScalar",
    source,
    inputs: [a, value],
    outputs: [output],
    uniform: { n4 },
    grid: Math.ceil(n4 / 64),
  });
  return step.record({
    name: "subtractScalar",
    inputs: [a, value],
    output,
    backward: (dOut) => [
      dOut,
      step.needsGradient(value) ? scale(step, sum(step, dOut), -1) : null,
    ],
  });
}
