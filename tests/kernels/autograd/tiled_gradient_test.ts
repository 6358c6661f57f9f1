// Tiled gradients: the table of an exact cross entropy, updated tile by tile, as if its gradient were whole.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Gpu, type Gradients, IndexLinear, type Step, type Tensor } from "../../../mod.ts";
import { Adagrad, Adam, type NamedParameter, SGD } from "../../../nce/nn/mod.ts";
import { add, crossEntropy, gather, matmul, sum, weightedSum } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { peakMemory, withBothFamilies, withGpu } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";
import * as reference from "../../reference/losses.ts";
import { ReferenceSGD } from "../../reference/sgd.ts";

// Of the table's 4,728 bytes; classes 192 to 197 are a tile of their own.
const [V, E] = [197, 6];
/** Rows, and bytes that may be held: scores are computed again for the first, and kept for the second. */
const CASES = [{ rows: 9, heldBytes: 4608 }, { rows: 1, heldBytes: 3072 }] as const;

/** What an optimizer is made of, beside its options. */
type Given = [gpu: Gpu, parameters: readonly NamedParameter[]];

/** x, weight and bias. */
function inputsOf(gpu: Gpu, rows: number): Tensor[] {
  return [[rows, E], [V, E], [V]].map((shape, i) => {
    const tensor = gpu.tensor(shape, values(shape.reduce((n, s) => n * s, 1), i + 1));
    tensor.requiresGrad = true;
    return tensor;
  });
}

Deno.test("SGD updates tile by tile as dense SGD in float64 does", () =>
  withBothFamilies(async (gpu) => {
    const options = { lr: 0.5, momentum: 0.9, weightDecay: 1e-2, clip: 0.25 };
    for (const { rows, heldBytes } of CASES) {
      using stack = new DisposableStack();
      const [x, weight, bias] = inputsOf(gpu, rows).map((tensor) => stack.use(tensor));
      // The weight is last: its gradient is computed from x and bias.
      const parameters = [["x", x!], ["bias", bias!], ["weight", weight!]] as const;
      const copies = [x!, weight!, bias!].map((tensor, i) =>
        Float64Array.from(values(tensor.size, i + 1))
      );
      const expected = new ReferenceSGD(copies, options);
      const optimizer = stack.use(new SGD(gpu, parameters, options));
      for (let i = 0; i < 6; i++) {
        // Steps differ in the gradient's length, so that clipping is at work in some.
        const targets = randomIds(rows, V, i), dLoss = values(rows, 50 + i, i % 3 === 0 ? 0.05 : 1);
        const lr = optimizer.lr = options.lr / (1 + i % 2);
        using step = gpu.step({ training: true });
        const loss = crossEntropy(step, x!, weight!, bias!, step.upload(targets), heldBytes);
        const gradients = step.backward(weightedSum(step, loss, step.upload(dLoss)));
        assertEquals(gradients.get(weight!)?.kind, "tiled");
        optimizer.step(gradients);
        const oracle = reference.crossEntropy(targets, E)(...copies);
        expected.step(oracle.backward(Float64Array.from(dLoss)), lr);
        const [norm] = await gpu.readFloats(optimizer.norm);
        assertClose([norm!], [expected.norm], { rtol: 1e-5 }, `N = ${rows}, norm of step ${i}`);
      }
      for (const [i, tensor] of [x!, weight!, bias!].entries()) {
        const found = await gpu.readFloats(tensor);
        assertClose(found, copies[i]!, { atol: 4e-6, rtol: 1e-5 }, `N = ${rows}, input ${i}`);
      }
    }
  }));

Deno.test("every optimizer updates tile by tile a table that has sparse gradients, too", () =>
  withGpu(async (gpu) => {
    const options = { lr: 0.5, weightDecay: 1e-2, clip: 0.25 };
    const makers = [
      // Rows wait for earlier updates.
      (...given: Given) => new SGD(...given, { ...options, momentum: 0.9 }),
      (...given: Given) => new SGD(...given, options),
      (...given: Given) => new Adagrad(...given, options),
      (...given: Given) => new Adagrad(...given, { ...options, rowwise: true }),
      (...given: Given) => new Adam(...given, { ...options, lr: 0.01 }),
    ];
    for (const make of makers) {
      const trained = async (heldBytes?: number) => {
        using stack = new DisposableStack();
        const [x, weight, bias] = inputsOf(gpu, 9).map((tensor) => stack.use(tensor));
        using optimizer = make(gpu, [["bias", bias!], ["weight", weight!]]);
        for (let i = 0; i < 9; i++) {
          using step = gpu.step({ training: true });
          const ids = step.upload(randomIds(9, V, i));
          const loss = i % 3 === 1
            ? crossEntropy(step, x!, weight!, bias!, ids, heldBytes)
            : gather(step, weight!, ids);
          optimizer.step(step.backward(sum(step, loss)));
        }
        return await gpu.readFloats(weight!);
      };
      assertClose(await trained(4608), await trained(), { atol: 4e-6, rtol: 1e-5 }, `${make}`);
    }
  }));

Deno.test("a tiled gradient is asked for as a whole", () =>
  withBothFamilies(async (gpu) => {
    for (const { rows, heldBytes } of CASES) {
      const targets = randomIds(rows, V, rows);
      await checkOp(gpu, `N = ${rows}`, {
        shapes: [[rows, E], [V, E], [V]],
        oracle: reference.crossEntropy(targets, E),
        run: (step, x, weight, bias) =>
          crossEntropy(step, x!, weight!, bias!, step.upload(targets), heldBytes),
        tolerance: { atol: 4e-6, rtol: 1e-5 },
      });
    }
  }));

/** A loss of a table that is used twice. */
type TwoUses = (step: Step, x: Tensor, weight: Tensor, bias: Tensor, heldBytes?: number) => Tensor;

const TWO_USES: Readonly<Record<string, TwoUses>> = {
  "rows": (step, _, weight, bias, heldBytes) => {
    const rows = gather(step, weight, step.upload(randomIds(9, V, 1)));
    const target = step.upload(randomIds(9, V, 2));
    return sum(step, crossEntropy(step, rows, weight, bias, target, heldBytes));
  },
  "a product": (step, x, weight, bias, heldBytes) => {
    const target = step.upload(randomIds(9, V, 2));
    const loss = sum(step, crossEntropy(step, x, weight, bias, target, heldBytes));
    return add(step, loss, sum(step, matmul(step, x, weight, { transposeB: true })));
  },
  "two losses": (step, x, weight, bias, heldBytes) => {
    const [first, second] = [1, 2].map((seed) => {
      const target = step.upload(randomIds(9, V, seed));
      return sum(step, crossEntropy(step, x, weight, bias, target, heldBytes));
    });
    return add(step, first!, second!);
  },
  "a layer before": (step, x, weight, bias, heldBytes) => {
    const target = step.upload(randomIds(9, V, 2)), table = add(step, weight, weight);
    return sum(step, crossEntropy(step, x, table, bias, target, heldBytes));
  },
};

Deno.test("a tiled gradient becomes a whole one where the table has another use", () =>
  withGpu(async (gpu) => {
    for (const [name, lossOf] of Object.entries(TWO_USES)) {
      using stack = new DisposableStack();
      const [x, weight, bias] = inputsOf(gpu, 9).map((tensor) => stack.use(tensor));
      const gradient = async (heldBytes?: number) => {
        using step = gpu.step({ training: true });
        const gradients = step.backward(lossOf(step, x!, weight!, bias!, heldBytes));
        const found = gradients.get(weight!);
        if (found?.kind !== "dense") throw new Error(`${name}: gradient is ${found?.kind}`);
        return await gpu.readFloats(found);
      };
      assertClose(await gradient(4608), await gradient(), { atol: 4e-6, rtol: 1e-5 }, name);
    }
  }));

Deno.test("a whole gradient with rows added takes the memory of one table where it was tiled", () =>
  withGpu(async (gpu) => {
    const [rows, classes, width] = [9, 20_000, 32];
    using table = gpu.tensor([classes, width], values(classes * width, 1));
    using bias = gpu.tensor([classes]);
    table.requiresGrad = true;
    const peak = await peakMemory(gpu, () => {
      using step = gpu.step({ training: true });
      const x = gather(step, table, step.upload(randomIds(rows, classes, 1)));
      const target = step.upload(randomIds(rows, classes, 2));
      step.backward(sum(step, crossEntropy(step, x, table, bias, target, table.bytes / 4)));
    });
    assert(peak.bytes < 1.6 * table.bytes, `${peak.bytes} for ${table.bytes}`);
    await gpu.finish();
  }));

Deno.test("a tiled gradient throws a TypeError once its inputs have changed, unless it was whole before", () =>
  withGpu(async (gpu) => {
    using stack = new DisposableStack();
    const [x, weight, bias] = inputsOf(gpu, 9).map((tensor) => stack.use(tensor));
    using optimizer = new SGD(gpu, [["weight", weight!]], { lr: 1 });
    using step = gpu.step({ training: true });
    const importance = step.upload(values(9, 3));
    const backward = (step: Step): Gradients => {
      const target = step.upload(randomIds(9, V, 2));
      const loss = crossEntropy(step, x!, weight!, bias!, target, 4608);
      return step.backward(weightedSum(step, loss, importance));
    };
    const updated = backward(step);
    optimizer.step(updated);
    const message = "[197,6] has changed since the backward pass";
    assertThrows(() => updated.toDense(weight!), TypeError, message);
    const written = backward(step);
    gpu.write(bias!, values(V, 7));
    assertThrows(() => optimizer.step(written), TypeError, "[197] has changed");
    const weighted = backward(step);
    gpu.write(importance, values(9, 4));
    assertThrows(() => weighted.toDense(weight!), TypeError, "[9] has changed");
    const whole = backward(step), before = await gpu.readFloats(whole.toDense(weight!)!);
    optimizer.step(whole);
    assertEquals(await gpu.readFloats(whole.toDense(weight!)!), before);
  }));

Deno.test("exact cross entropy trains a large table in little more memory than its own", () =>
  withGpu(async (gpu) => {
    const [rows, classes, width] = [350, 200_000, 100];
    const noise = new Float64Array(classes).fill(1);
    const options = { embeddingDim: width, numClasses: classes, noise, normTerm: 9 };
    using layer = new IndexLinear(gpu, { ...options, noiseRatio: 1, lossType: "full" });
    const update = { lr: 1, momentum: 0.9, clip: 0.25 };
    using optimizer = new SGD(gpu, layer.parameters(), update);
    const tables = gpu.memory;
    const peak = await peakMemory(gpu, () => {
      using step = gpu.step({ training: true });
      const x = step.upload(values(rows * width, 1), [rows, width]);
      x.requiresGrad = true;
      const loss = layer.forward(step, step.upload(randomIds(rows, classes, 1)), x);
      optimizer.step(step.backward(loss));
    });
    await gpu.finish();
    const tile = 2 ** 24, { peakBytes, bytes, buffers } = gpu.memory;
    assert(peak.bytes < 0.1 * tables.bytes + tile, `${peak.bytes / 2 ** 20} MiB in use`);
    // With what waits in the pool, in size classes.
    assert(peakBytes < 1.1 * tables.bytes + 1.25 * tile, `peak of ${peakBytes / 2 ** 20} MiB`);
    assertEquals([bytes, buffers], [tables.bytes, tables.buffers]);
  }, { family: "software", maxBindingBytes: 2 ** 26 })); // the table lies in two buffers
