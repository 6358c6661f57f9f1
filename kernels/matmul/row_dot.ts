/** Inner products of rows: the score of a target whose vector is computed, not stored in a table. */

import source from "./row_dot.wgsl" with { type: "text" };
import type { Step } from "../autograd/step.ts";
import { expectRounds } from "../device/rounds.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";

/** `out[n] = a[n] . b[n]` for a and b [N, W]; the result is [N]. Shapes must be equal (TypeError). */
export function rowDot(step: Step, a: Tensor, b: Tensor): Tensor {
  expectFloats("rowDot", step, { a, b });
  const rows = a.shape[0]!, width = a.size / rows;
  expectShape("rowDot", "the first operand", a, [rows, width]);
  expectShape("rowDot", "the second operand", b, a.shape);
  expectRounds("rowDot", step.gpu, "numbers of a row", width, width);
  const run = (entry: string, inputs: Tensor[], output: Tensor) => {
    step.gpu.dispatch({
      label: entry === "dots" ? "rowDot" : "rowDot.backward",
      source,
      entry,
      inputs,
      outputs: [output],
      uniform: { rows, width },
      grid: Math.ceil(output.size / 64),
    });
    return output;
  };
  return step.record({
    name: "rowDot",
    inputs: [a, b],
    output: run("dots", [a, b], step.tensor([rows])),
    backward: (dOut) => [
      a.requiresGrad ? run("scale", [b, dOut], step.tensor(a.shape)) : null,
      b.requiresGrad ? run("scale", [a, dOut], step.tensor(b.shape)) : null,
    ],
  });
}
