// Kernels on tables in several buffers give the bits that they give on tables in one.

import { assertEquals, assertThrows } from "@std/assert";
import { boundParts, setsBound } from "../../../kernels/device/part_bindings.ts";
import {
  add,
  crossEntropy,
  drawClasses,
  dropout,
  gather,
  indexScore,
  linearScorer,
  sum,
  topK,
} from "../../../kernels/ops.ts";
import { RandomStream } from "../../../kernels/random/mod.ts";
import { AliasMultinomial, type Gpu, type Step, type Tensor, UniqueNoise } from "../../../mod.ts";
import { parameter } from "../../../nce/nn/mod.ts";
import { fillUniform } from "../../../kernels/elementwise/fill.ts";
import { assertClose } from "../../support/close.ts";
import { limitedGpu, withBothFamilies, withGpu } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";

/** Rows of a few parts. */
const V = 300;
/** Rows of more parts than a launch binds. */
const MANY = 2_100;

Deno.test("setsBound() is what the device has left for sets, of 32 buffers at most (29 of Metal's 31), and at least one", async () => {
  for (
    const [buffers, size, others, sets] of [
      [8, 2, 3, 2],
      [8, 2, 4, 2],
      [4, 3, 3, 1],
      [
        100,
        2,
        3,
        14,
      ],
      [31, 1, 0, 29],
      [30, 1, 0, 30],
    ]
  ) {
    await using gpu = await limitedGpu({ maxStorageBuffersPerShaderStage: buffers! });
    assertEquals(setsBound(gpu, size!, others!), sets);
  }
});

Deno.test("boundParts() binds as many parts as the device can, and only tables with the same ones", async () => {
  await using gpu = await limitedGpu({ maxStorageBuffersPerShaderStage: 8 }, {
    maxBindingBytes: 1,
  });
  using table = gpu.table([700, 2]), like = gpu.table([700, 5]), other = gpu.tensor([700, 2]);
  const bound = boundParts(gpu, [table, like], 3);
  assertEquals(bound.map(({ first, count }) => [first, count]), [
    ...[[0, 2], [128, 2], [256, 2], [384, 2], [512, 2], [640, 1]],
  ]);
  assertEquals(bound.map(({ tensors }) => tensors.length), [4, 4, 4, 4, 4, 2]);
  assertThrows(() => boundParts(gpu, [table, other], 3), TypeError, "different parts");
  using fewer = gpu.tensor([699, 2]);
  assertThrows(() => boundParts(gpu, [other, fewer], 3), TypeError, "different parts");
  const [whole, ...none] = boundParts(gpu, [other, other], 3);
  assertEquals([whole?.count, whole?.first, whole?.rows, none.length], [1, 0, 700, 0]);
});

/** A result, and the gradients of all inputs. */
async function resultOf(
  gpu: Gpu,
  make: (gpu: Gpu) => Tensor[],
  run: (step: Step, ...inputs: Tensor[]) => Tensor,
): Promise<Float32Array[]> {
  using stack = new DisposableStack();
  const inputs = make(gpu).map((tensor) => stack.use(tensor));
  for (const input of inputs) input.requiresGrad = true;
  using step = gpu.step({ training: true, seed: 3 });
  const out = run(step, ...inputs), gradients = step.backward(sum(step, out));
  const all = [out, ...inputs.map((input) => gradients.toDense(input)!)];
  return await Promise.all(all.map((tensor) => gpu.readFloats(tensor)));
}

/** Compares what `run` gives on tables in one buffer and in several, in both families. */
async function assertSameBits(
  what: string,
  make: (gpu: Gpu) => Tensor[],
  run: (step: Step, ...inputs: Tensor[]) => Tensor,
): Promise<void> {
  const found: Float32Array[][] = [];
  for (const maxBindingBytes of [2 ** 27, 1]) {
    await withBothFamilies(async (gpu) => {
      found.push(await resultOf(gpu, make, run));
    }, { maxBindingBytes });
  }
  const [software, hardware, ...parted] = found;
  assertEquals(parted, [software, hardware], what);
}

Deno.test("gather(), indexScore(), dropout() and their gradients are the same on tables in parts", async () => {
  await assertSameBits(
    "gather from many",
    (gpu) => [gpu.table([MANY, 4], values(MANY * 4, 1))],
    (step, table) => gather(step, table, step.upload(randomIds(300, MANY, 5))),
  );
  for (const W of [3, 20]) {
    const table = (gpu: Gpu) => gpu.table([V, W], values(V * W, 1));
    const ids = randomIds(300, V, 5);
    await assertSameBits(
      `gather, W = ${W}`,
      (gpu) => [table(gpu)],
      (step, table) => gather(step, table, step.upload(ids)),
    );
    await assertSameBits(
      `dropout, W = ${W}`,
      (gpu) => [table(gpu)],
      (step, table) =>
        gather(step, dropout(step, table, 0.5, new RandomStream("a")), step.upload(ids)),
    );
    for (const K of [1, 5]) {
      await assertSameBits(
        `indexScore, W = ${W}, K = ${K}`,
        (gpu) => [gpu.tensor([60, W], values(60 * W, 2)), table(gpu), gpu.table([V], values(V, 3))],
        (step, x, table, bias) =>
          indexScore(step, x, table, bias, step.upload(ids.subarray(0, 60 * K), [60, K])),
      );
    }
  }
});

Deno.test("indexScore() gathers a table's rows for some targets at a time, where they are many", async () => {
  const [N, K, W, classes] = [700, 5, 20, 1600];
  const make = (gpu: Gpu) => [
    gpu.tensor([N, W], values(N * W, 2)),
    gpu.table([classes, W], values(classes * W, 1)),
    gpu.table([classes], values(classes, 3)),
  ];
  const run = (step: Step, ...[x, table, bias]: Tensor[]) => {
    const scores = [5, 6].map((seed) => {
      return indexScore(
        step,
        x!,
        table!,
        bias!,
        step.upload(randomIds(N * K, classes, seed), [N, K]),
      );
    });
    return add(step, scores[0]!, scores[1]!);
  };
  // One tensor holds the rows for 320 targets.
  await using small = await limitedGpu({ maxStorageBufferBindingSize: 2 ** 17 }, {
    maxBindingBytes: 1,
  });
  const some = await resultOf(small, make, run);
  await withGpu(async (gpu) => {
    assertEquals(some, await resultOf(gpu, make, run));
  }, { family: "software", maxBindingBytes: 2 ** 27 });
});

Deno.test("fillUniform() and sum() take tables in parts", () =>
  withGpu(async (gpu) => {
    using whole = parameter(gpu, "w", [V, 7], { range: 2, seed: 9 });
    using parted = gpu.table([V, 7]);
    fillUniform(gpu, parted, -2, 2, { seed: 9, stream: new RandomStream("w").id, step: 0 });
    const numbers = await gpu.readFloats(whole);
    assertEquals(await gpu.readFloats(parted), numbers);
    using step = gpu.step();
    const expected = numbers.reduce((sum, x) => sum + x, 0);
    assertClose(await gpu.readFloats(sum(step, parted)), [expected], { atol: 1e-2 });
  }, { maxBindingBytes: 1 }));

Deno.test("noise from tables in parts is that from tables in one, and that of the CPU", async () => {
  const noise = values(MANY, 1).map((x) => Math.abs(x)), found: unknown[] = [];
  for (const maxBindingBytes of [2 ** 27, 1]) {
    await withGpu(async (gpu) => {
      using alias = new AliasMultinomial(gpu, noise, "a"),
        unique = new UniqueNoise(gpu, noise, 40, "b");
      using step = gpu.step({ seed: 5, number: 6 });
      const ids = alias.draw(step, [501]);
      assertEquals(await gpu.read(ids), alias.drawOnCpu(501, 5, 6));
      const target = step.upload(randomIds(9, MANY, 1));
      const request = { target, noiseRatio: 40, perWord: false };
      const { ids: different, logProb } = unique.sample(step, request);
      found.push(
        await Promise.all(
          [ids, alias.logProb(step, ids), different, logProb].map((tensor) => gpu.read(tensor)),
        ),
      );
    }, { maxBindingBytes });
  }
  assertEquals(found[1], found[0]);
});

Deno.test("exact cross entropy in tiles of 64 classes gives the same bits on tables in parts", async () => {
  const [N, classes, E] = [100, 301, 20], target = randomIds(N, classes, 4);
  // Of software, a fourth makes a tile; 64 classes are the least, where products have copies of the scores.
  const heldBytes = 4 * (4 * N * 64), found: Float32Array[][] = [];
  for (const maxBindingBytes of [2 ** 27, 1]) {
    await withGpu(async (gpu) => {
      const make = (gpu: Gpu) => [
        ...[gpu.tensor([N, E], values(N * E, 2)), gpu.table([classes, E], values(classes * E, 1))],
        gpu.table([classes], values(classes, 3)),
      ];
      found.push(
        await resultOf(
          gpu,
          make,
          (step, ...[x, weight, bias]) =>
            crossEntropy(step, x!, weight!, bias!, step.upload(target), heldBytes),
        ),
      );
    }, { family: "software", maxBindingBytes });
  }
  assertEquals(found[1], found[0]);
});

Deno.test("topK() and drawClasses() find the same classes in tables in parts", async () => {
  const [N, E] = [9, 20], found: unknown[] = [];
  for (const maxBindingBytes of [2 ** 27, 1]) {
    await withBothFamilies(async (gpu) => {
      using weight = gpu.table([V, E], values(V * E, 1)), bias = gpu.table([V], values(V, 3));
      using step = gpu.step({ seed: 1 });
      const x = step.upload(values(N * E, 2), [N, E]);
      const scorer = linearScorer(step, x, weight, bias), stream = new RandomStream("draw");
      const best = topK(step, scorer, 10), drawn = drawClasses(step, scorer, 10, { stream });
      const tensors = [best.ids, best.scores, drawn.ids, drawn.scores];
      found.push(await Promise.all(tensors.map((tensor) => gpu.read(tensor))));
    }, { maxBindingBytes });
  }
  assertEquals(found.slice(2), found.slice(0, 2));
});
