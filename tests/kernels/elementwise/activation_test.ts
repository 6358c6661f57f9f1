// Activations and inner products of rows against float64.

import { assertEquals, assertThrows } from "@std/assert";
import { relu, rowDot, sigmoid, tanh } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import * as reference from "../../reference/activation.ts";
import { values } from "../../reference/data.ts";
import { assertGradients } from "../../reference/oracle.ts";

const OPS = { relu, sigmoid, tanh };

Deno.test("activation and rowDot oracles agree with central differences", () => {
  const x = Float64Array.from(values(9, 1, 3)), y = Float64Array.from(values(9, 2));
  for (const name of ["relu", "sigmoid", "tanh"] as const) {
    assertGradients(reference[name], [x], name);
  }
  assertGradients(reference.rowDot(3), [x, y], "rowDot");
});

Deno.test("relu(), sigmoid() and tanh() agree with float64, forward and backward", () =>
  withGpu(async (gpu) => {
    for (const [name, run] of Object.entries(OPS)) {
      for (const n of [1, 63, 65, 257]) {
        await checkOp(gpu, `${name} ${n}`, {
          shapes: [[n]],
          data: [values(n, n, 6)],
          oracle: reference[name as keyof typeof OPS],
          run,
        });
      }
    }
  }));

Deno.test("relu(), sigmoid() and tanh() stay finite and exact at extreme arguments", () =>
  withGpu(async (gpu) => {
    using step = gpu.step();
    const x = step.upload(Float32Array.of(0, -0, 1e4, -1e4, 1e-30, -1e-30));
    assertClose(await gpu.readFloats(relu(step, x)), [0, 0, 1e4, 0, 1e-30, 0], { atol: 0 });
    assertEquals([...await gpu.readFloats(sigmoid(step, x))], [0.5, 0.5, 1, 0, 0.5, 0.5]);
    assertClose(await gpu.readFloats(tanh(step, x)), [0, 0, 1, -1, 0, 0], { atol: 1e-7, rtol: 0 });
  }));

Deno.test("rowDot() agrees with float64, forward and backward, at sizes off the workgroup", () =>
  withGpu(async (gpu) => {
    for (const [rows, width] of [[1, 1], [63, 7], [65, 64], [3, 257]] as const) {
      const shapes = [[rows, width], [rows, width]];
      const oracle = reference.rowDot(width);
      await checkOp(gpu, `[${rows}, ${width}]`, { shapes, oracle, run: rowDot });
    }
    await checkOp(gpu, "a row with itself", {
      shapes: [[5, 3]],
      oracle: (a) => {
        const { output, backward } = reference.rowDot(3)(a, a);
        return { output, backward: (dOutput) => [backward(dOutput)[0]!.map((d) => 2 * d)] };
      },
      run: (step, a) => rowDot(step, a, a),
    });
  }));

Deno.test("rowDot() throws a TypeError unless both operands are matrices of one shape", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const a = step.upload(values(6, 1), [2, 3]), b = step.upload(values(6, 2), [3, 2]);
    assertThrows(() => rowDot(step, a, b), TypeError, "the second operand is f32 [3,2]");
    const cube = step.upload(values(8, 1), [2, 2, 2]);
    assertThrows(() => rowDot(step, cube, cube), TypeError, "the first operand is f32 [2,2,2]");
  }));
