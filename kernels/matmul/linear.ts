/** Matrix products as differentiable operations. */

import { expectBoolean, expectNames } from "../device/expect.ts";
import { matmulInto, productSizes } from "./matmul.ts";
import { asMatrix, type MatmulOptions } from "./operands.ts";
import { weightFor } from "./weight.ts";
import { weightGradients } from "./weight_gradients.ts";
import type { Step } from "../autograd/step.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";

/** `op(a) op(b)` for matrices; inner sizes must agree (TypeError). */
export function matmul(step: Step, a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  expectFloats("matmul", step, { a, b });
  expectNames("run matmul", "options", options, ["transposeA", "transposeB"]);
  const { transposeA = false, transposeB = false } = options;
  expectBoolean("run matmul", "transposeA", transposeA);
  expectBoolean("run matmul", "transposeB", transposeB);
  const gradientOfA = (dOut: Tensor) =>
    transposeA
      ? product(step, b, dOut, { transposeA: transposeB, transposeB: true })
      : product(step, dOut, b, { transposeB: !transposeB });
  const gradientOfB = (dOut: Tensor) =>
    transposeB
      ? product(step, dOut, a, { transposeA: true, transposeB: transposeA })
      : product(step, a, dOut, { transposeA: !transposeA });
  return step.record({
    name: "matmul",
    inputs: [a, b],
    output: product(step, a, b, { transposeA, transposeB }),
    backward: (dOut) => [
      step.needsGradient(a) ? gradientOfA(dOut) : null,
      step.needsGradient(b) ? gradientOfB(dOut) : null,
    ],
  });
}

/** `op(a) op(b)`, off the tape. */
function product(step: Step, a: Tensor, b: Tensor, options: MatmulOptions): Tensor {
  const { m, n } = productSizes(a, b, options), output = step.tensor([m, n]);
  matmulInto(step.gpu, output, a, b, options);
  return output;
}

/**
 * `x weight^T + bias`, with x [N, in], weight [out, in] and bias [out]; the result is [N, out].
 * Leading dimensions of `x` beyond one are kept. The weight is a layer's: {@linkcode AdapterOptions.compute}
 * says in how many bits it is read.
 */
export function linear(step: Step, x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  expectFloats("linear", step, { x, weight, ...(bias !== undefined && { bias }) });
  return recordLinear(step, x, weight, weightFor(step, weight), bias);
}

/** The same with rows of a table in the weight's place, which are read in all of their bits. */
export function linearOfRows(step: Step, x: Tensor, rows: Tensor, bias?: Tensor): Tensor {
  return recordLinear(step, x, rows, rows, bias);
}

/** `read`: what products read of the weight. */
function recordLinear(step: Step, x: Tensor, weight: Tensor, read: Tensor, bias?: Tensor): Tensor {
  const [width, features] = [weight.shape[1]!, weight.shape[0]!];
  expectShape("linear", "weight", weight, [features, width]);
  expectShape("linear", "x", x, [...x.shape.slice(0, -1), width]);
  return step.record({
    name: "linear",
    inputs: bias ? [x, weight, bias] : [x, weight],
    output: linearOutput(step, x, read, bias),
    backward: (dOut) => {
      const dx = linearInputGradient(step, x, read, dOut);
      const dWeight = step.tensor(weight.shape), dBias = bias && step.tensor(bias.shape);
      weightGradients(step.gpu, [{ dOut, x, dWeight, dBias }]);
      return dBias ? [dx, dWeight, dBias] : [dx, dWeight];
    },
  });
}

/** `x read^T + bias`, off the tape. */
export function linearOutput(step: Step, x: Tensor, read: Tensor, bias?: Tensor): Tensor {
  const output = step.tensor([...x.shape.slice(0, -1), read.shape[0]!]);
  using flat = asMatrix(x), flatOutput = asMatrix(output);
  matmulInto(step.gpu, flatOutput, flat, read, { transposeB: true, ...(bias && { bias }) });
  return output;
}

/** The gradient of its x, `dOut read`; null if none is needed. */
export function linearInputGradient(
  step: Step,
  x: Tensor,
  read: Tensor,
  dOut: Tensor,
): Tensor | null {
  if (!step.needsGradient(x)) return null;
  const dx = step.tensor(x.shape);
  using flat = asMatrix(dx), flatOut = asMatrix(dOut);
  matmulInto(step.gpu, flat, flatOut, read);
  return dx;
}
