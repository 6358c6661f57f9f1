// Matrix products as operations: linear layers and products in every transposition, on both families.

import { assertEquals, assertThrows } from "@std/assert";
import type { Step, Tensor } from "../../../mod.ts";
import { linear, matmul, sum } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { withBothFamilies, withGpu, withHalfWeights } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";
import { readInHalf } from "../../reference/half.ts";
import * as reference from "../../reference/linear.ts";

const TOLERANCE = { atol: 1e-5, rtol: 1e-5 };

Deno.test("matmul() agrees with float64 in every transposition, forward and backward", () =>
  withBothFamilies(async (gpu) => {
    const [m, k, n] = [63, 65, 33];
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const options = { transposeA, transposeB };
        await checkOp(gpu, `matmul ${JSON.stringify(options)}`, {
          shapes: [transposeA ? [k, m] : [m, k], transposeB ? [n, k] : [k, n]],
          oracle: reference.matmul(m, k, n, options),
          run: (step, a, b) => matmul(step, a!, b!, options),
          tolerance: TOLERANCE,
        });
      }
    }
  }));

Deno.test("linear() agrees with float64 with and without bias, forward and backward", () =>
  withBothFamilies(async (gpu) => {
    for (const [rows, width, features] of [[1, 1, 1], [65, 63, 257], [257, 12, 64]] as const) {
      const check = {
        oracle: reference.linear(rows, width, features),
        run: (step: Step, x: Tensor, weight: Tensor, bias?: Tensor) =>
          linear(step, x, weight, bias),
        tolerance: TOLERANCE,
      };
      const shapes = [[rows, width], [features, width]];
      const name = `linear ${rows} x ${width} to ${features}`;
      await checkOp(gpu, name, { ...check, shapes: [...shapes, [features]] });
      await checkOp(gpu, `${name} without bias`, { ...check, shapes });
    }
  }));

Deno.test("linear() reads its weight in 16 bits where that is asked for, forward and backward", () =>
  withHalfWeights(async (gpu) => {
    for (const [rows, width, features] of [[1, 1, 1], [65, 63, 257], [257, 12, 64]] as const) {
      await checkOp(gpu, `linear ${rows} x ${width} to ${features} in 16 bits`, {
        shapes: [[rows, width], [features, width], [features]],
        oracle: readInHalf(reference.linear(rows, width, features), 1),
        run: (step, x, weight, bias) => linear(step, x, weight!, bias),
        tolerance: TOLERANCE,
      });
    }
  }));

Deno.test("matmul() reads its operands in 32 bits whatever linear() does", () =>
  withHalfWeights(async (gpu) => {
    await checkOp(gpu, "matmul", {
      shapes: [[5, 6], [6, 7]],
      oracle: reference.matmul(5, 6, 7),
      run: (step, a, b) => matmul(step, a!, b!),
      tolerance: TOLERANCE,
    });
  }));

Deno.test("linear() is one product on GPUs, and two backward: x's gradient, those of weight and bias", () =>
  withGpu(async (gpu) => {
    const { rows } = await gpu.profile(() => {
      using step = gpu.step({ training: true });
      const make = (...shape: number[]) =>
        Object.assign(step.tensor(shape), { requiresGrad: true });
      step.backward(sum(step, linear(step, make(5, 8), make(12, 8), make(12))));
    });
    const runs = Object.fromEntries(rows.map(({ label, runs }) => [label, runs]));
    assertEquals(runs, { matmul: 3, sum: 1, fill: 1 });
  }, { family: "hardware" }));

Deno.test("linear() keeps leading dimensions", () =>
  withGpu(async (gpu) => {
    await checkOp(gpu, "linear of [2, 3, 5]", {
      shapes: [[2, 3, 5], [4, 5], [4]],
      oracle: reference.linear(6, 5, 4),
      run: (step, x, weight, bias) => {
        const out = linear(step, x, weight!, bias!);
        assertEquals(out.shape, [2, 3, 4]);
        return out;
      },
    });
  }));

Deno.test("linear() and matmul() throw a TypeError when inner sizes differ", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const a = step.upload(values(6, 1), [2, 3]), b = step.upload(values(8, 2), [4, 2]);
    assertThrows(() => matmul(step, a, b), TypeError, "[2,3] by");
    assertThrows(() => matmul(step, a, b, { transposeB: true }), TypeError, "[2,3] by");
    assertThrows(() => linear(step, a, b), TypeError, "[2,3]");
    const bias = step.upload(values(5, 3)), weight = step.upload(values(12, 3), [4, 3]);
    assertThrows(() => linear(step, a, weight, bias), TypeError, "bias");
  }));
