/** Subtracts a number that is on the GPU. */

import type { Step } from "../autograd/step.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";
import { elementwise, scale, SUBTRACT_SCALAR } from "./arithmetic.ts";
import { sum } from "./reduce.ts";

/** `a - value[0]`, elementwise; gradients flow to both. */
export function subtractScalar(step: Step, a: Tensor, value: Tensor): Tensor {
  expectFloats("subtractScalar", step, { a, value });
  expectShape("subtractScalar", "value", value, [1]);
  return step.record({
    name: "subtractScalar",
    inputs: [a, value],
    output: elementwise(step, "subtractScalar", SUBTRACT_SCALAR, a, value),
    backward: (dOut) => [
      dOut,
      step.needsGradient(value) ? scale(step, sum(step, dOut), -1) : null,
    ],
  });
}
