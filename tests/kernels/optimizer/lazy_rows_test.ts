// Deferred updates of rows: those that are read catch up, as float64 has them, and the others wait.

import { assert, assertEquals } from "@std/assert";
import { gather, indexScore, weightedSum } from "../../../kernels/ops.ts";
import type { Gpu, Tensor } from "../../../mod.ts";
import { SGD, type SGDOptions } from "../../../nce/nn/mod.ts";
import { assertClose } from "../../support/close.ts";
import { limitedGpu, withBothFamilies, withGpu } from "../../support/gpu.ts";
import { gradientOf, ids, N, OPTIONS, train, V, W, zeros } from "../../support/lazy_rows.ts";
import { randomIds, values } from "../../reference/data.ts";
import { ReferenceSGD } from "../../reference/sgd.ts";

Deno.test("two optimizers of one table apply what the other has deferred before they go on", () =>
  withGpu(async (gpu) => {
    using table = gpu.tensor([V, W], values(V * W, 1));
    table.requiresGrad = true;
    const others: SGDOptions = { lr: 0.3, momentum: 0.5, weightDecay: 0.2 };
    const copy = Float64Array.from(values(V * W, 1));
    const expected = [OPTIONS, others].map((options) => new ReferenceSGD([copy], options));
    using first = new SGD(gpu, [["table", table]], OPTIONS);
    using second = new SGD(gpu, [["table", table]], others);
    for (const [number, at] of [0, 0, 1, 1, 0, 1].entries()) {
      train(gpu, table, at === 0 ? first : second, number);
      expected[at]!.step([gradientOf(V, number, W)], at === 0 ? OPTIONS.lr : others.lr);
    }
    assertClose(await gpu.readFloats(table), copy, { rtol: 1e-5, atol: 1e-6 });
  }));

/** Rates of a warm-up, of some steps at one rate, and of a slow fall. */
function rateOf(number: number): number {
  return number < 150 ? (number + 1) / 150 : number < 200 ? 1 : 200 / number;
}

Deno.test("rows wait while the learning rate changes in each step, and catch up as float64 does", () =>
  withGpu(async (gpu) => {
    const steps = 300;
    const variants = [[0.9, 1e-2], [0.9, 0], [0, 1e-2], [0.5, 0.3]] as const;
    for (const [momentum, weightDecay] of variants) {
      using table = gpu.tensor([V, W], values(V * W, 1));
      table.requiresGrad = true;
      const copy = Float64Array.from(values(V * W, 1));
      const expected = new ReferenceSGD([copy], { momentum, weightDecay });
      using optimizer = new SGD(gpu, [["table", table]], { lr: 1, momentum, weightDecay });
      for (let number = 0; number < steps; number++) {
        const lr = optimizer.lr = 0.1 * rateOf(number);
        train(gpu, table, optimizer, number % 10); // the same few rows: the others wait all the time
        expected.step([gradientOf(V, number % 10, W)], lr);
        await gpu.keepUp();
      }
      const { counts } = await optimizer.save();
      const waits = counts["table"]!.filter((_, i) => i % 2 === 0);
      assertEquals(waits, [...new Array(149).fill(1), 52, ...new Array(99).fill(1)]);
      const what = `momentum ${momentum}, decay ${weightDecay}`;
      assertClose(await gpu.readFloats(table), copy, { rtol: 2e-5, atol: 1e-6 }, what);
    }
  }));

/** The optimizer of a table [V, W], after steps that it has deferred for most rows. */
function waiting(gpu: Gpu, stack: DisposableStack, W: number, dtype: "f32" | "f16") {
  const table = stack.use(gpu.table([V, W], values(V * W, 1), dtype));
  table.requiresGrad = true;
  const optimizer = stack.use(new SGD(gpu, [["table", table]], OPTIONS));
  for (let number = 0; number < 5; number++) train(gpu, table, optimizer, number);
  return { table, optimizer };
}

/** The table as it stands. */
async function asItIs({ optimizer }: ReturnType<typeof waiting>) {
  return (await optimizer.save()).tensors["table"]!.data;
}

/** The table after the same steps in float64. */
function referenceOf(W: number): Float64Array {
  const copy = Float64Array.from(values(V * W, 1)), expected = new ReferenceSGD([copy], OPTIONS);
  for (let number = 0; number < 5; number++) expected.step([gradientOf(V, number, W)], OPTIONS.lr);
  return copy;
}

/** Each third row many times, in many workgroups. */
const REPEATED = randomIds(700, V, 77).map((id) => id - id % 3);

/** What the tables of {@linkcode checkRows} come to, by device and shape: the same in parts. */
const bits = new Map<string, Float32Array>();

/** Rows that are read move once, to the bits that they have when all move, and others stay. */
async function checkRows(gpu: Gpu, W: number, dtype: "f32" | "f16"): Promise<void> {
  using stack = new DisposableStack();
  const some = waiting(gpu, stack, W, dtype), all = waiting(gpu, stack, W, dtype);
  const before = await asItIs(some), moved = await gpu.readFloats(all.table);
  using step = gpu.step();
  gather(step, some.table, step.upload(REPEATED));
  const read = new Set(REPEATED), name = `${gpu.family} ${dtype} [${V}, ${W}]`;
  const expected = before.map((was, i) => read.has(Math.floor(i / W)) ? moved[i]! : was);
  assertEquals(await asItIs(some), expected, name);
  assertEquals(moved, bits.getOrInsert(name, moved), name);
  assert(moved.filter((value, i) => value !== before[i]).length > V * W / 2, name);
  const tolerance = dtype === "f16" ? { atol: 1e-2 } : { rtol: 1e-5, atol: 1e-6 };
  assertClose(moved, referenceOf(W), tolerance, name);
}

Deno.test("rows that are read many times at once move once, of any width, in halves, and in parts", async () => {
  await withBothFamilies(async (gpu) => {
    for (const W of [1, 3, 4, 200, 300]) await checkRows(gpu, W, "f32");
    for (const W of [2, 200]) await checkRows(gpu, W, "f16");
  });
  const inParts = async (gpu: Gpu) => {
    for (const W of [1, 300]) await checkRows(gpu, W, "f32");
    await checkRows(gpu, 2, "f16");
  };
  await withGpu(inParts, { maxBindingBytes: 1 });
  const four = { maxStorageBuffersPerShaderStage: 16 }; // parts in a launch, of five
  await using gpu = await limitedGpu(four, { maxBindingBytes: 1, family: "hardware" });
  await inParts(gpu);
});

Deno.test("a table of which rows wait keeps what is written to it, copied to it, or cleared in it", () =>
  withGpu(async (gpu) => {
    using other = gpu.tensor([V, W], values(V * W, 2));
    const ways: [name: string, change: (table: Tensor) => void, expected: Float32Array][] = [
      ["write", (table) => gpu.write(table, values(V * W, 3)), values(V * W, 3)],
      ["copy", (table) => gpu.copy(other, table), values(V * W, 2)],
      ["clear", (table) => gpu.clear(table), new Float32Array(V * W)],
    ];
    for (const [name, change, expected] of ways) {
      using stack = new DisposableStack();
      const { table } = waiting(gpu, stack, W, "f32");
      change(table);
      assertEquals(await gpu.readFloats(table), expected, name);
    }
  }));

Deno.test("a table of which rows wait takes one launch for what is read, and one for its gradient", () =>
  withBothFamilies(async (gpu) => {
    using stack = new DisposableStack();
    const { table, optimizer } = waiting(gpu, stack, W, "f32");
    const launches = async (body: () => void) => {
      const { rows } = await gpu.profile(body);
      const ours = rows.filter(({ label }) => label.startsWith("sgd"));
      return Object.fromEntries(ours.map(({ label, runs }) => [label, runs]));
    };
    const step = await launches(() => train(gpu, table, optimizer, 5));
    assertEquals(step, { "sgd.catchUp": 1, "sgd.update": 1 });
    const scored = await launches(() => {
      using step = gpu.step({ training: true });
      const x = step.upload(values(N * W, 3), [N, W]), own = ids(step, V);
      x.requiresGrad = true;
      const scores = indexScore(step, x, table, zeros(step, V), own);
      optimizer.step(step.backward(weightedSum(step, scores, step.upload(values(N, 4)))));
    });
    assertEquals(scored, { "sgd.catchUp": 1, "sgd.update": 1 });
    const copied = await launches(() => gpu.copy(table, stack.use(gpu.tensor([V, W]))));
    assertEquals(copied, { "sgd.flush": 1 });
    assertEquals(await launches(() => train(gpu, table, optimizer, 6)), { "sgd.update": 1 });
  }));

Deno.test("a step takes one submission while the learning rate changes in each step, as when it stays", () =>
  withGpu((gpu) => {
    using stack = new DisposableStack();
    const { table, optimizer } = waiting(gpu, stack, W, "f32"), { queue } = gpu.device;
    let submissions = 0;
    queue.submit = (commands) => {
      submissions++;
      GPUQueue.prototype.submit.call(queue, commands);
    };
    stack.defer(() => Reflect.deleteProperty(queue, "submit"));
    for (const lr of [0.4, 0.3, 0.3, 0.2]) {
      optimizer.lr = lr;
      train(gpu, table, optimizer, 5);
    }
    assertEquals(submissions, 4);
  }));
