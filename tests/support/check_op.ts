/** Checks a differentiable operation: output and gradients against its oracle. */

import { sizeOf } from "../../kernels/device/dtype.ts";
import type { Gpu, Step, Tensor } from "../../mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import { assertClose, type Tolerance } from "./close.ts";
import { values } from "../reference/data.ts";
import type { Oracle } from "../reference/oracle.ts";

/** An operation, its oracle, and the inputs that gradients flow to. */
export interface OpCheck {
  /** Shapes of the differentiable inputs. */
  shapes: readonly (readonly number[])[];
  /** Values of the inputs; uniform in [-1, 1) unless given. */
  data?: readonly Float32Array[];
  /** The operation in float64. */
  oracle: Oracle;
  /** The operation. */
  run(step: Step, ...inputs: Tensor[]): Tensor;
  /** Tolerance of the output; that of {@linkcode assertClose} unless given. */
  tolerance?: Tolerance;
  /** Tolerance of the gradients; that of the output unless given. */
  gradientTolerance?: Tolerance;
}

/** Throws unless the operation's output and gradients match the oracle's. */
export async function checkOp(gpu: Gpu, what: string, check: OpCheck): Promise<void> {
  const { shapes, oracle, tolerance, gradientTolerance = tolerance } = check;
  const data = check.data ?? shapes.map((shape, i) => values(sizeOf(shape), i + 1));
  poisonPool(gpu);
  using step = gpu.step({ training: true, number: 0 });
  const inputs = data.map((array, i) => {
    const input = step.upload(array, shapes[i]!);
    input.requiresGrad = true;
    return input;
  });
  const output = check.run(step, ...inputs);
  const expected = oracle(...data.map((array) => Float64Array.from(array)));
  assertClose(await gpu.readFloats(output), expected.output, tolerance, `${what}, output`);
  const dOutput = values(output.size, 98);
  const loss = weightedSum(step, output, step.upload(dOutput, output.shape));
  const gradients = step.backward(loss);
  const dInputs = expected.backward(Float64Array.from(dOutput));
  const actual = await Promise.all(
    inputs.map((input) => gpu.readFloats(gradients.toDense(input)!)),
  );
  actual.forEach((gradient, i) => {
    assertClose(gradient, dInputs[i]!, gradientTolerance, `${what}, gradient ${i}`);
  });
}

/** Fills free buffers with NaN, so that a read of unwritten memory shows. */
export function poisonPool(gpu: Gpu): void {
  const tensors = [64, 128, 256, 512, 1024, 4096].flatMap((size) =>
    Array.from({ length: 6 }, () => gpu.temporary([size]))
  );
  for (const tensor of tensors) {
    gpu.write(tensor, new Float32Array(tensor.size).fill(NaN));
    tensor.dispose();
  }
}
