// A tensor less a number on the GPU, against float64.

import { assertThrows } from "@std/assert";
import { subtractScalar } from "../../../kernels/ops.ts";
import { values } from "../../reference/data.ts";
import { checkOp } from "../../support/check_op.ts";
import { withGpu } from "../../support/gpu.ts";

Deno.test("subtractScalar() agrees with float64, forward and backward", () =>
  withGpu(async (gpu) => {
    for (const n of [1, 63, 65, 257]) {
      await checkOp(gpu, `subtractScalar ${n}`, {
        shapes: [[n], [1]],
        oracle: (a, value) => ({
          output: a!.map((x) => x - value![0]!),
          backward: (d) => [d, Float64Array.of(-d.reduce((sum, dy) => sum + dy, 0))],
        }),
        run: subtractScalar,
        gradientTolerance: { atol: 1e-5 },
      });
    }
  }));

Deno.test("subtractScalar() throws a TypeError unless it subtracts one number", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const a = step.upload(values(6, 1), [2, 3]);
    assertThrows(() => subtractScalar(step, a, a), TypeError, "value");
  }));
