// Elementwise arithmetic and sums against float64.

import { assertEquals, assertThrows } from "@std/assert";
import type { Tensor } from "../../../mod.ts";
import { columnSums } from "../../../kernels/matmul/column_sums.ts";
import { SGD } from "../../../nce/nn/mod.ts";
import { add, affine, mean, multiply, scale, sum, weightedSum } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";
import * as reference from "../../reference/arithmetic.ts";
import { values } from "../../reference/data.ts";

const SIZES = [1, 63, 65, 257];

Deno.test("add() and multiply() agree with float64, forward and backward", () =>
  withGpu(async (gpu) => {
    for (const n of SIZES) {
      const shapes = [[n], [n]];
      await checkOp(gpu, `add ${n}`, { shapes, oracle: reference.add, run: add });
      await checkOp(gpu, `multiply ${n}`, { shapes, oracle: reference.multiply, run: multiply });
    }
  }));

Deno.test("affine() and scale() agree with float64, forward and backward", () =>
  withGpu(async (gpu) => {
    for (const n of SIZES) {
      await checkOp(gpu, `affine ${n}`, {
        shapes: [[n]],
        oracle: reference.affine(-2.5, 0.75),
        run: (step, a) => affine(step, a, -2.5, 0.75),
      });
    }
    await checkOp(gpu, "scale", {
      shapes: [[3, 5]],
      oracle: reference.affine(1e-3, 0),
      run: (step, a) => scale(step, a, 1e-3),
    });
  }));

Deno.test("add() and multiply() sum both gradients when an operand is given twice", () =>
  withGpu(async (gpu) => {
    await checkOp(gpu, "a + a", {
      shapes: [[7]],
      oracle: reference.affine(2, 0),
      run: (step, a) => add(step, a, a),
    });
    await checkOp(gpu, "a * a", {
      shapes: [[7]],
      oracle: (a) => ({
        output: a.map((x) => x * x),
        backward: (d) => [d.map((dy, i) => 2 * a[i]! * dy)],
      }),
      run: (step, a) => multiply(step, a, a),
    });
  }));

Deno.test("add(), multiply() and weightedSum() throw a TypeError when shapes differ", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const a = step.upload(values(6, 1), [2, 3]), b = step.upload(values(6, 2), [3, 2]);
    assertThrows(() => add(step, a, b), TypeError, "[3,2], expected f32 [2,3]");
    assertThrows(() => multiply(step, a, b), TypeError, "multiply");
    assertThrows(() => weightedSum(step, a, b), TypeError, "weight");
  }));

Deno.test("weightedSum() has its weight as gradient on the way back where it is the loss, and else a multiple", () =>
  withGpu(async (gpu) => {
    using step = gpu.step({ training: true });
    const a = step.upload(values(7, 1)), weight = step.upload(values(7, 2));
    a.requiresGrad = true;
    let passed: Tensor | undefined;
    const passOn = () =>
      step.record({
        name: "passOn",
        inputs: [a],
        output: step.own(a.reshape(a.shape)),
        backward: (dOut) => [passed = dOut],
      });
    const lossOf = (): Tensor => step.reshape(weightedSum(step, passOn(), weight), [1, 1]);
    step.backward(lossOf());
    assertEquals(passed, weight);
    const twice = step.backward(scale(step, lossOf(), 2)).toDense(a)!;
    assertEquals(await gpu.read(twice), values(7, 2).map((w) => 2 * w));
    const both = step.backward(add(step, lossOf(), lossOf())).toDense(a)!;
    assertEquals(await gpu.read(both), values(7, 2).map((w) => 2 * w));
    assertEquals(await gpu.read(weight), values(7, 2));
  }));

Deno.test("weightedSum()'s gradient stays as it is when its weight changes after the backward pass", () =>
  withGpu(async (gpu) => {
    using a = gpu.tensor([7], values(7, 1)), weight = gpu.tensor([7], values(7, 2));
    a.requiresGrad = weight.requiresGrad = true;
    using step = gpu.step({ training: true });
    const loss = add(step, weightedSum(step, a, weight), sum(step, weight));
    const gradients = step.backward(loss);
    using optimizer = new SGD(gpu, [["weight", weight], ["a", a]], { lr: 1 });
    optimizer.step(gradients); // moves the weight first
    assertEquals(await gpu.read(a), values(7, 1).map((x, i) => x - values(7, 2)[i]!));
  }));

Deno.test("sum(), mean() and weightedSum() agree with float64 over one to many workgroups", () =>
  withGpu(async (gpu) => {
    for (const n of [...SIZES, 1025, 70_001, 200_003]) { // some, in numbers that are odd, and most workgroups
      // A sum in float32 errs by the size of its terms, not of its result.
      const tolerance = { atol: 1e-7 * Math.sqrt(n), rtol: 1e-5 };
      const shapes = [[n]], weight = values(n, 5);
      await checkOp(gpu, `sum ${n}`, { shapes, oracle: reference.sum, run: sum, tolerance });
      await checkOp(gpu, `weightedSum ${n}`, {
        shapes,
        oracle: reference.weightedSum(weight),
        run: (step, a) => weightedSum(step, a, step.upload(weight)),
        tolerance,
      });
    }
    await checkOp(gpu, "mean", { shapes: [[9, 7]], oracle: reference.mean, run: mean });
  }));

Deno.test("columnSums() agrees with float64 when rows fill no, one or many chunks", () =>
  withBothFamilies(async (gpu) => {
    for (const [rows, width] of [[1, 1], [63, 65], [64, 3], [65, 257], [1030, 7]] as const) {
      const data = values(rows * width, rows);
      // What follows the rows must not be read.
      using all = gpu.tensor([128 * rows * width], new Float32Array(128 * rows * width).fill(NaN));
      using head = all.slice(0, rows * width);
      using a = head.reshape([rows, width]);
      gpu.write(a, data);
      using out = gpu.tensor([width]);
      columnSums(gpu, out, a);
      const expected = reference.columnSums(data, width);
      const tolerance = { atol: 1e-7 * Math.sqrt(rows), rtol: 1e-5 };
      assertClose(await gpu.readFloats(out), expected, tolerance, `[${rows}, ${width}]`);
    }
  }));
