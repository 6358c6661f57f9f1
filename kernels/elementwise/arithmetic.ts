/** Elementwise arithmetic: add, multiply, scale and shift. */

import { sumOf } from "../accumulate/add.ts";
import source from "./arithmetic.wgsl" with { type: "text" };
import { expectFinite } from "../device/expect.ts";
import type { Step } from "../autograd/step.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";

const MULTIPLY = 0, AFFINE = 1, LOG_MIX = 2;
/** `a - b[0]`. */
export const SUBTRACT_SCALAR = 3;

/** Launches the kernel; the caller has checked `a` and `b`. */
export function elementwise(
  step: Step,
  label: string,
  OP: number,
  a: Tensor,
  b: Tensor,
  factor = 1,
  offset = 0,
): Tensor {
  const out = step.tensor(a.shape), n4 = Math.ceil(a.size / 4);
  step.gpu.dispatch({
    label,
    source,
    constants: { OP },
    inputs: [a, b],
    outputs: [out],
    uniform: { n4, factor, offset },
    grid: Math.ceil(n4 / 64),
  });
  return out;
}

function expectAlike(op: string, step: Step, a: Tensor, b: Tensor): void {
  expectFloats(op, step, { a, b });
  expectShape(op, "the second operand", b, a.shape);
}

/** `a + b`, elementwise; shapes must be equal (TypeError). */
export function add(step: Step, a: Tensor, b: Tensor): Tensor {
  expectFloats("add", step, { a, b });
  return step.record({
    name: "add",
    inputs: [a, b],
    output: sumOf(step, a, b),
    backward: (dOut) => [dOut, dOut],
  });
}

/** `a * b`, elementwise; shapes must be equal (TypeError). */
export function multiply(step: Step, a: Tensor, b: Tensor): Tensor {
  expectAlike("multiply", step, a, b);
  const output = elementwise(step, "multiply", MULTIPLY, a, b);
  return step.record({
    name: "multiply",
    inputs: [a, b],
    output,
    backward: (dOut) => [
      a.requiresGrad ? elementwise(step, "multiply", MULTIPLY, dOut, b) : null,
      b.requiresGrad ? elementwise(step, "multiply", MULTIPLY, dOut, a) : null,
    ],
  });
}

/** `factor * a + offset`, elementwise. */
export function affine(step: Step, a: Tensor, factor: number, offset: number): Tensor {
  expectFinite("run affine", "factor", factor);
  expectFinite("run affine", "offset", offset);
  expectFloats("affine", step, { a });
  const output = elementwise(step, "affine", AFFINE, a, a, factor, offset);
  return step.record({
    name: "affine",
    inputs: [a],
    output,
    backward: (dOut) => [elementwise(step, "affine", AFFINE, dOut, dOut, factor)],
  });
}

/** `factor * a`, elementwise. */
export function scale(step: Step, a: Tensor, factor: number): Tensor {
  expectFloats("scale", step, { a });
  expectFinite("run scale", "factor", factor);
  return affine(step, a, factor, 0);
}

/** `ln(partA e^a + partB e^b)`, elementwise: log probabilities of a mixture. Not differentiable. */
export function logMix(step: Step, a: Tensor, b: Tensor, partA: number, partB: number): Tensor {
  expectAlike("logMix", step, a, b);
  return elementwise(step, "logMix", LOG_MIX, a, b, partA, partB);
}
