/** The sum of two tensors, below the tape: gradients use it, and so does the recorded operation. */

import source from "./add.wgsl" with { type: "text" };
import { forEachSlice } from "../device/parts.ts";
import { type Scope, tensorLike } from "../device/scope.ts";
import { expectShape, type Tensor } from "../device/tensor.ts";

/** `a + b`, elementwise, in a new tensor; shapes must be equal (TypeError). */
export function sumOf(scope: Scope, a: Tensor, b: Tensor): Tensor {
  expectShape("add", "the second operand", b, a.shape);
  const out = tensorLike(scope, a);
  forEachSlice([a, b, out], ([a, b, out]) => {
    const n4 = Math.ceil(a.size / 4);
    scope.gpu.dispatch({
      label: "add",
      source,
      inputs: [a, b],
      outputs: [out],
      uniform: { n4 },
      grid: Math.ceil(n4 / 64),
    });
  });
  return out;
}
