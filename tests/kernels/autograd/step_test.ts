// Steps and tensors: who owns what, what is recorded, and where gradients go.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Tensor } from "../../../mod.ts";
import {
  add,
  crossEntropy,
  gather,
  multiply,
  scale,
  sum,
  weightedSum,
} from "../../../kernels/ops.ts";
import type { Gradient } from "../../../kernels/mod.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

Deno.test("a step's tensors end with it, and keep() lets one live on", () =>
  withGpu(async (gpu) => {
    const step = gpu.step();
    const a = step.upload(values(5, 1)), doubled = add(step, a, a);
    assertEquals(step.keep(doubled), doubled);
    step[Symbol.dispose]();
    assert(a.disposed && !doubled.disposed);
    const entry = { name: "x", inputs: [], output: doubled, backward: () => [] };
    assertThrows(() => step.record(entry), TypeError, "Cannot use a step after it has ended");
    assertEquals(gpu.memory.buffers, 1);
    // The kept buffer is not given to a later step.
    using later = gpu.step();
    later.upload(values(5, 2)), later.upload(values(5, 3));
    assertClose(await gpu.readFloats(doubled), values(5, 1).map((x) => 2 * x));
    doubled.dispose();
  }));

Deno.test("a step's work is submitted when it ends, not when it is waited for", () =>
  withGpu((gpu) => {
    const { queue } = gpu.device;
    let submissions = 0;
    queue.submit = (commands) => {
      submissions++;
      return GPUQueue.prototype.submit.call(queue, commands);
    };
    {
      using step = gpu.step(), a = step.upload(values(5, 1));
      add(step, a, a);
      assertEquals(submissions, 0);
    }
    assertEquals(submissions, 1);
    Reflect.deleteProperty(queue, "submit");
  }));

Deno.test("dispose() ends a step as `using` does, once, and gpu.memory counts those that have not ended", () =>
  withGpu((gpu) => {
    const open = [gpu.step({ training: true }), gpu.step()], { steps } = gpu.memory;
    assertThrows(() => gpu.step({ seed: -1 }), RangeError); // is none
    assertEquals([steps, gpu.memory.steps], [2, 2]);
    for (const step of [...open, ...open]) step.dispose();
    const { buffers, steps: left } = gpu.memory;
    assertEquals([buffers, left], [0, 0]);
    assertThrows(() => open[1]!.upload(values(2, 1)), TypeError, "after it has ended");
    using a = gpu.tensor([1]);
    assertThrows(() => open[0]!.backward(a), TypeError, "Cannot use a step after it has ended");
  }));

Deno.test("reshape() shares the elements and lets gradients through", () =>
  withGpu(async (gpu) => {
    using step = gpu.step({ training: true });
    const a = step.upload(values(6, 1), [2, 3]);
    a.requiresGrad = true;
    const turned = step.reshape(a, [3, 2]), weight = step.upload(values(6, 2), [3, 2]);
    assertEquals(turned.shape, [3, 2]);
    const gradients = step.backward(weightedSum(step, turned, weight));
    assertEquals(gradients.toDense(a)?.shape, [2, 3]);
    assertEquals(await gpu.readFloats(gradients.toDense(a)!), values(6, 2));
    assertThrows(() => step.reshape(a, [4, 2]), TypeError, "Cannot reshape [2,3] to [4,2]");
  }));

Deno.test("backward() sums the gradients of a tensor that is used several times", () =>
  withGpu(async (gpu) => {
    using step = gpu.step({ training: true });
    const a = step.upload(values(5, 1)), b = step.upload(values(5, 2));
    a.requiresGrad = true;
    const used = add(
      step,
      multiply(step, a, b),
      add(step, scale(step, a, 3), multiply(step, a, a)),
    );
    const gradient = step.backward(sum(step, used)).toDense(a)!;
    const [x, y] = [values(5, 1), values(5, 2)];
    assertClose(await gpu.readFloats(gradient), x.map((v, i) => y[i]! + 3 + 2 * v));
  }));

Deno.test("backward() leaves out what needs no gradient or does not reach the loss", () =>
  withGpu((gpu) => {
    using step = gpu.step({ training: true });
    const a = step.upload(values(5, 1)), constant = step.upload(values(5, 2));
    const unused = step.upload(values(5, 3));
    a.requiresGrad = unused.requiresGrad = true;
    scale(step, unused, 2);
    const gradients = step.backward(sum(step, multiply(step, a, constant)));
    assert(gradients.get(a));
    assertEquals(gradients.get(constant), undefined);
    assertEquals(gradients.get(unused), undefined);
  }));

Deno.test("backward() throws a TypeError unless it starts at a scalar of a training step", () =>
  withGpu((gpu) => {
    using step = gpu.step({ training: true });
    const a = step.upload(values(5, 1));
    assertThrows(
      () => step.backward(sum(step, a)),
      TypeError,
      "has not computed it from a parameter",
    );
    a.requiresGrad = true;
    assertThrows(() => step.backward(add(step, a, a)), TypeError, "Cannot go backward from [5]");
    using evaluation = gpu.step();
    const loss = sum(evaluation, a);
    assertEquals(loss.requiresGrad, false);
    assertThrows(() => evaluation.backward(loss), TypeError, "is no training step");
  }));

Deno.test("backward() uses up the tape: a loss from before throws, one from after it is fine", () =>
  withGpu(async (gpu) => {
    using step = gpu.step({ training: true });
    const a = step.upload(values(5, 1));
    a.requiresGrad = true;
    const first = sum(step, a), second = sum(step, scale(step, a, 2));
    step.backward(first);
    assertThrows(() => step.backward(second), TypeError, "since it last went backward");
    const gradient = step.backward(sum(step, scale(step, a, 3))).toDense(a)!;
    assertEquals([...await gpu.readFloats(gradient)], Array(5).fill(3));
  }));

Deno.test("upload() knows the largest id, through reshape", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const ids = step.upload(Uint32Array.of(3, 9, 0, 2), [2, 2]);
    assertEquals([ids.idLimit, ids.dtype], [10, "u32"]);
    assertEquals(step.reshape(ids, [4]).idLimit, 10);
    assertEquals(step.upload(Uint32Array.of(0)).idLimit, 1);
    assertEquals(step.upload(Uint32Array.of(0, 1)).idLimit, 2);
  }));

Deno.test("rows() views rows that begin on a multiple of 256 bytes", () =>
  withGpu(async (gpu) => {
    using table = gpu.tensor([4, 64], Float32Array.from({ length: 256 }, (_, i) => i));
    using middle = table.slice(1, 2);
    assertEquals(middle.shape, [2, 64]);
    assertEquals((await gpu.read(middle))[0], 64);
    using flat = middle.reshape([128]);
    assertEquals((await gpu.read(flat))[0], 64);
    gpu.write(middle, new Float32Array(128));
    assertEquals([...await gpu.read(table)].filter((x) => x === 0).length, 129);
    using narrow = gpu.tensor([4, 3]);
    for (const [start, count] of [[3, 2], [-1, 1]] as const) {
      assertThrows(() => table.slice(start, count), RangeError, "Cannot slice");
    }
    const message = "Cannot slice [4,3] from 1 to 2: it would begin at byte 12, no multiple of 256";
    assertThrows(() => narrow.slice(1, 1), RangeError, message);
  }));

Deno.test("steps are numbered and seeded from 0 and do not train, unless told otherwise", () =>
  withGpu((gpu) => {
    using plain = gpu.step();
    assertEquals([plain.training, plain.seed, plain.number], [false, 0, 0]);
    using told = gpu.step({ training: true, seed: 5, number: 7 });
    assertEquals([told.training, told.seed, told.number], [true, 5, 7]);
    const numbers = [true, false, true].map((training) => {
      assertThrows(() => gpu.step({ training, seed: -1 }), RangeError, "seed is -1"); // takes no number
      using step = gpu.step({ training });
      return step.number;
    });
    assertEquals(numbers, [numbers[0], 0, numbers[0]! + 1]); // other tests took steps on this device
    using dry = gpu.step({ training: true, dropout: false }), idle = gpu.step({ dropout: true });
    assertEquals([plain, told, dry, idle].map(({ dropout }) => dropout), [
      ...[false, true, false, false],
    ]);
  }));

Deno.test("Gradients.get() launches nothing, whatever kind of gradient it is", () =>
  withGpu((gpu) => {
    using table = gpu.tensor([8, 4], values(32, 1));
    using dense = gpu.tensor([4, 4], values(16, 2));
    using bias = gpu.tensor([100]), weight = gpu.tensor([100, 4], values(400, 3));
    const parameters = { dense, sparse: table, tiled: weight };
    for (const parameter of Object.values(parameters)) parameter.requiresGrad = true;
    using step = gpu.step({ training: true });
    const ids = step.upload(Uint32Array.of(1, 7, 1, 0));
    const x = multiply(step, gather(step, table, ids), dense);
    const gradients = step.backward(sum(step, crossEntropy(step, x, weight, bias, ids, 1024)));
    const { dispatch, copy, clear } = gpu;
    gpu.dispatch = gpu.copy = gpu.clear = () => {
      throw new Error("a getter launched something");
    };
    for (const [kind, parameter] of Object.entries(parameters)) {
      assertEquals(gradients.get(parameter)?.kind, kind);
    }
    assertThrows(() => gradients.toDense(table), Error, "a getter launched something");
    Object.assign(gpu, { dispatch, copy, clear });
  }));

Deno.test("backward() throws an error of its own when an operation gives something else than a gradient", () =>
  withGpu((gpu) => {
    using tensor = gpu.tensor([2]), ids = gpu.tensor([2], Uint32Array.of(0, 2));
    using three = gpu.tensor([3]), high = gpu.tensor([2], Uint32Array.of(0, 3));
    const kind = "sparse", rows = { kind, ids, values: tensor };
    const wrong: Record<string, unknown> = {
      "the gradients of op are undefined, not an array": undefined,
      "the gradient of op is true, not a tensor or an object": true,
      "the gradient of op is an object, not a tensor or an object": { ids: 1 },
      "the gradient of op is f32 [2], expected f32 [3]": tensor,
      "the gradient of op is an object, not a tensor": { kind: "dense" },
      "f32 [3] is no gradient of 2 rows of 1": { ...rows, values: three },
      "u32 [2] is no gradient of 2 rows of 1": { ...rows, values: ids },
      "f32 [2] is no gradient of 2 rows of 1": { ...rows, coefficients: three },
      "group is 0, not a positive integer": { ...rows, group: 0 },
      "ids [2] may be up to 3, which is out of range (0 to 2)": { ...rows, ids: high },
    };
    for (const [message, gradient] of Object.entries(wrong)) {
      using step = gpu.step({ training: true });
      const a = step.upload(values(3, 1));
      a.requiresGrad = true;
      const output: Tensor = step.tensor([1]);
      const backward = () => (gradient === undefined ? gradient : [gradient]) as Gradient[];
      step.record({ name: "op", inputs: [a], output, backward });
      assertThrows(() => step.backward(output), Error, message);
    }
  }));
