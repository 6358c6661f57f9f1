// Stochastic gradient descent: dense and row-sparse updates against a dense one in float64.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Gpu, Step, Tensor } from "../../../mod.ts";
import { SGD, type SGDOptions } from "../../../nce/nn/mod.ts";
import { add, gather, matmul, weightedSum } from "../../../kernels/ops.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";
import * as reference from "../../reference/linear.ts";
import { ReferenceSGD } from "../../reference/sgd.ts";

const [V, W, N, D] = [65, 3, 33, 2051];

/** A parameter with random values, which is also the float64 copy's. */
function parameterOf(gpu: Gpu, shape: number[], seed: number): Tensor {
  const tensor = gpu.tensor(shape, values(shape.reduce((n, s) => n * s, 1), seed));
  tensor.requiresGrad = true;
  return tensor;
}

/**
 * Trains a table by rows and a vector densely, beside float64, and compares everything. The learning rate
 * falls every `every` steps.
 */
async function train(gpu: Gpu, options: SGDOptions, steps: number, every = 1): Promise<void> {
  using table = parameterOf(gpu, [V, W], 1);
  using vector = parameterOf(gpu, [D], 2);
  const copies = [values(V * W, 1), values(D, 2)].map((data) => Float64Array.from(data));
  const expected = new ReferenceSGD(copies, options);
  using optimizer = new SGD(gpu, [["vector", vector], ["table", table]], options);
  for (let i = 0; i < steps; i++) {
    // Steps differ in length, so that clipping is at work in some.
    const ids = randomIds(N, V, i), length = i % 3 === 0 ? 0.02 : 1;
    const dRows = values(N * W, 100 + i, length), dVector = values(D, 200 + i, length);
    const lr = optimizer.lr = options.lr / (1 + Math.floor(i / every));
    using step = gpu.step({ training: true });
    const rows = gather(step, table, step.upload(ids));
    const loss = add(
      step,
      weightedSum(step, rows, step.upload(dRows, [N, W])),
      weightedSum(step, vector, step.upload(dVector)),
    );
    optimizer.step(step.backward(loss));
    const [dTable] = reference.gather(ids, W)(copies[0]!).backward(Float64Array.from(dRows));
    expected.step([dTable!, Float64Array.from(dVector)], lr);
    const [norm, scale] = await gpu.readFloats(optimizer.norm);
    assertClose([norm!], [expected.norm], { rtol: 1e-5 }, `norm of step ${i}`);
    const wanted = Math.min(1, (options.clip ?? Infinity) / (expected.norm + 1e-6));
    assertClose([scale!], [wanted], { rtol: 1e-5 }, `scale of step ${i}`);
  }
  const name = JSON.stringify(options);
  for (const [i, parameter] of [table, vector].entries()) {
    const data = await gpu.readFloats(parameter);
    assertClose(data, copies[i]!, { atol: 3e-6, rtol: 1e-5 }, `parameter ${i} of ${name}`);
  }
}

Deno.test("SGD updates rows and dense parameters as dense SGD in float64 does", () =>
  withGpu(async (gpu) => {
    await train(gpu, { lr: 0.5 }, 3);
    await train(gpu, { lr: 0.5, momentum: 0.9 }, 12);
    await train(gpu, { lr: 0.5, weightDecay: 0.1 }, 6);
    await train(gpu, { lr: 0.5, momentum: 0.9, weightDecay: 1e-2, clip: 0.25 }, 25);
  }));

Deno.test("SGD's rows catch up exactly when they are read, and when all are", () =>
  withGpu(async (gpu) => {
    const options = { lr: 0.1, momentum: 0.9, weightDecay: 1e-2, clip: 0.25 };
    await train(gpu, options, 60, 25);
    await train(gpu, { lr: 0.1, momentum: 0.9 }, 40, 40);
    await train(gpu, { lr: 0.1, weightDecay: 1e-2 }, 40, 40);
  }));

Deno.test("SGD's rows may wait for thousands of steps", () =>
  withGpu(async (gpu) => {
    using table = parameterOf(gpu, [3, 2], 1);
    const copy = Float64Array.from(values(6, 1));
    const options = { momentum: 0.9, weightDecay: 1e-4 };
    const expected = new ReferenceSGD([copy], options);
    using optimizer = new SGD(gpu, [["table", table]], { lr: 0.1, ...options });
    const d = Float32Array.of(0.1, -0.2);
    for (let i = 0; i < 2500; i++) {
      // Row 2 is touched once, row 1 never.
      const id = i === 3 ? 2 : 0;
      using step = gpu.step({ training: true });
      const row = gather(step, table, step.upload(Uint32Array.of(id)));
      const loss = weightedSum(step, row, step.upload(i < 10 ? d : new Float32Array(2), [1, 2]));
      optimizer.step(step.backward(loss));
      const gradient = new Float64Array(6);
      if (i < 10) gradient.set(d, 2 * id);
      expected.step([gradient], 0.1);
      await gpu.keepUp();
    }
    assertClose(await gpu.readFloats(table), copy, { rtol: 2e-4 });
  }));

Deno.test("what is read of SGD's rows is up to date, whoever reads", () =>
  withGpu(async (gpu) => {
    const options = { lr: 0.5, momentum: 0.5, weightDecay: 0.1 };
    const after = async (read: (step: Step, table: Tensor) => Tensor): Promise<Float32Array> => {
      using table = parameterOf(gpu, [4, 4], 1);
      using optimizer = new SGD(gpu, [["table", table]], options);
      for (const id of [0, 1, 1, 2]) {
        using step = gpu.step({ training: true });
        const row = gather(step, table, step.upload(Uint32Array.of(id)));
        const ones = step.upload(new Float32Array(4).fill(1), [1, 4]);
        optimizer.step(step.backward(weightedSum(step, row, ones)));
      }
      using step = gpu.step();
      return await gpu.readFloats(read(step, table));
    };
    const copy = Float64Array.from(values(16, 1)), expected = new ReferenceSGD([copy], options);
    for (const id of [0, 1, 1, 2]) {
      expected.step([new Float64Array(16).fill(1, 4 * id, 4 * id + 4)], options.lr);
    }
    const identity = Float32Array.from({ length: 16 }, (_, i) => i % 5 === 0 ? 1 : 0);
    const readers: ((step: Step, table: Tensor) => Tensor)[] = [
      (step, table) => gather(step, table, step.upload(Uint32Array.of(0, 1, 2, 3))),
      (step, table) => matmul(step, step.upload(identity, [4, 4]), table),
      (step, table) => add(step, table, step.upload(new Float32Array(16), [4, 4])),
      (_, table) => table,
      (step, table) => step.reshape(table, [16]),
      (step, table) => {
        const copied = step.tensor([4, 4]);
        gpu.copy(table, copied);
        return copied;
      },
    ];
    for (const reader of readers) assertClose(await after(reader), copy, { rtol: 1e-5 });
  }));

Deno.test("SGD leaves a parameter alone that no gradient reached in the step", () =>
  withGpu(async (gpu) => {
    using used = parameterOf(gpu, [5], 1);
    using unused = parameterOf(gpu, [5], 2);
    using optimizer = new SGD(gpu, [["used", used], ["unused", unused]], {
      lr: 1,
      weightDecay: 0.5,
    });
    using step = gpu.step({ training: true });
    const ones = step.upload(new Float32Array(5).fill(1));
    optimizer.step(step.backward(weightedSum(step, used, ones)));
    assertEquals(await gpu.readFloats(unused), values(5, 2));
    const expected = values(5, 1).map((p) => p - 1 - 0.5 * p);
    assertClose(await gpu.readFloats(used), expected);
  }));

Deno.test("SGD clips the norm of all gradients together, and only a longer one", () =>
  withGpu(async (gpu) => {
    using first = gpu.tensor([1], Float32Array.of(0));
    using second = gpu.tensor([1], Float32Array.of(0));
    first.requiresGrad = second.requiresGrad = true;
    const parameters = [["first", first], ["second", second]] as const;
    const apply = async (clip: number) => {
      gpu.clear(first), gpu.clear(second);
      using optimizer = new SGD(gpu, parameters, { lr: 1, clip });
      using step = gpu.step({ training: true });
      const three = step.upload(Float32Array.of(3)), four = step.upload(Float32Array.of(4));
      const loss = add(step, weightedSum(step, first, three), weightedSum(step, second, four));
      optimizer.step(step.backward(loss));
      return [...await gpu.readFloats(first), ...await gpu.readFloats(second)];
    };
    assertClose(await apply(0.5), [-0.3, -0.4]);
    assertClose(await apply(5.1), [-3, -4]);
    assertClose(await apply(Infinity), [-3, -4]);
  }));

/** Trains a table by rows in some of the steps `from` to `to`; each is a function of its number alone. */
function trainRows(gpu: Gpu, table: Tensor, optimizer: SGD, from: number, to: number): void {
  for (let number = from; number < to; number++) {
    using step = gpu.step({ training: true });
    const rows = gather(step, table, step.upload(randomIds(3, V, number)));
    const dRows = step.upload(values(3 * W, number), [3, W]);
    optimizer.step(step.backward(weightedSum(step, rows, dRows)));
  }
}

const LAZY: SGDOptions = { lr: 0.5, momentum: 0.9, weightDecay: 1e-2, clip: 0.25 };

/** The table's bits after all `steps`; `between` may do what it likes before the step `at`. */
async function bitsAfter(
  gpu: Gpu,
  steps: number,
  at: number,
  between: (table: Tensor, optimizer: SGD) => void | Promise<void>,
): Promise<Float32Array> {
  using table = parameterOf(gpu, [V, W], 1);
  using optimizer = new SGD(gpu, [["table", table]], LAZY);
  trainRows(gpu, table, optimizer, 0, at);
  await between(table, optimizer);
  trainRows(gpu, table, optimizer, at, steps);
  return await gpu.readFloats(table);
}

Deno.test("SGD.undisturbed() takes back what reading did to the bits, and only that; saving does nothing to them", () =>
  withGpu(async (gpu) => {
    const expected = await bitsAfter(gpu, 40, 25, () => {});
    const read = async (table: Tensor) => {
      using step = gpu.step();
      gather(step, table, step.upload(randomIds(9, V, 99)));
      await gpu.readFloats(table);
    };
    const disturbed = await bitsAfter(gpu, 40, 25, read);
    assertClose(disturbed, expected, { atol: 3e-6 });
    assert(disturbed.some((value, i) => value !== expected[i]), "reading leaves no trace anyway");
    const undisturbed = await bitsAfter(gpu, 40, 25, async (table, optimizer) => {
      using _undisturbed = optimizer.undisturbed();
      await read(table);
    });
    assertEquals(undisturbed, expected);
    const saved = await bitsAfter(gpu, 40, 25, async (_, optimizer) => {
      await optimizer.save();
    });
    assertEquals(saved, expected);
  }));

Deno.test("SGD moves rows that wait at the learning rate of the steps that they wait for", () =>
  withGpu(async (gpu) => {
    const expected = await bitsAfter(gpu, 25, 25, () => {});
    const later = await bitsAfter(gpu, 25, 25, (_, optimizer) => {
      optimizer.lr = 1e-3;
      using state = optimizer.state();
      assertEquals(state.header.counts, { table: [25, 0.5] });
    });
    assertEquals(later, expected);
  }));

Deno.test("SGD throws a RangeError when a coefficient is out of range", () =>
  withGpu((gpu) => {
    const wrong: SGDOptions[] = [
      { lr: 0 },
      { lr: NaN },
      { lr: 1, momentum: 1 },
      { lr: 1, momentum: -0.1 },
      { lr: 1, weightDecay: -1 },
      { lr: 1, clip: 0 },
    ];
    for (const options of wrong) {
      assertThrows(() => new SGD(gpu, [], options), RangeError, "Cannot make SGD");
    }
  }));
