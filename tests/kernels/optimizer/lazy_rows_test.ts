// Deferred updates of rows: whoever reads a table, under whatever shape, reads rows that are up to date.

import { assert, assertEquals } from "@std/assert";
import {
  gather,
  indexScore,
  linearScorer,
  matmul,
  topK,
  weightedSum,
} from "../../../kernels/ops.ts";
import type { Gpu, Step, Tensor } from "../../../mod.ts";
import { SGD, type SGDOptions } from "../../../nce/nn/mod.ts";
import { assertClose } from "../../support/close.ts";
import { limitedGpu, withBothFamilies, withGpu } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";
import { ReferenceSGD } from "../../reference/sgd.ts";

const [V, W, N] = [300, 4, 9];
/** Without a gradient rows move a good deal, so that one that is not caught up is far off. */
const OPTIONS: SGDOptions = { lr: 0.5, momentum: 0.9, weightDecay: 0.1 };
/** Tables in one buffer, in parts of 128 rows, and in parts of 64. */
const PARTS = [2 ** 27, 128 * W * 4, 1].map((maxBindingBytes) => ({ maxBindingBytes }));

const ids = (step: Step, below: number) => step.upload(randomIds(N, below, 77));
const weights = (step: Step, W: number) => step.upload(values(N * W, 5), [N, W]);

/** One step that moves some rows of `table`. */
function train(gpu: Gpu, table: Tensor, optimizer: SGD, number: number): void {
  using step = gpu.step({ training: true });
  const [V, W] = table.shape, rows = gather(step, table, step.upload(randomIds(N, V!, number)));
  optimizer.step(step.backward(weightedSum(step, rows, weights(step, W!))));
}

/** What `read` gives after steps of which updates are deferred, or of the same table once it is up to date. */
async function after(
  gpu: Gpu,
  read: (step: Step, table: Tensor) => Tensor,
  deferred: boolean,
): Promise<Float32Array> {
  using table = gpu.table([V, W], values(V * W, 1));
  table.requiresGrad = true;
  using optimizer = new SGD(gpu, [["table", table]], OPTIONS);
  for (let number = 0; number < 5; number++) train(gpu, table, optimizer, number);
  if (!deferred) await gpu.read(table);
  using step = gpu.step();
  return await gpu.readFloats(read(step, table));
}

/** A slice of `table` that ends with the step. */
function sliceOf(step: Step, table: Tensor, start: number, count: number): Tensor {
  return step.own(table.slice(start, count));
}

const zeros = (step: Step, n: number) => step.upload(new Float32Array(n));

/** A copy that ends with the step. */
function copied(step: Step, slice: Tensor): Tensor {
  const copy = step.tensor(slice.shape);
  step.gpu.copy(slice, copy);
  return copy;
}

const READERS: Readonly<Record<string, (step: Step, table: Tensor) => Tensor>> = {
  "gather of a slice": (step, table) => gather(step, sliceOf(step, table, 64, 150), ids(step, 150)),
  "gather of a part": (step, table) => gather(step, sliceOf(step, table, 128, 64), ids(step, 64)),
  "gather of the first rows": (step, table) => {
    return gather(step, sliceOf(step, table, 0, 70), ids(step, 70));
  },
  "gather of a slice of a slice": (step, table) => {
    const slice = sliceOf(step, table, 64, 200);
    return gather(step, sliceOf(step, slice, 64, 136), ids(step, 136));
  },
  "gather from a row in the midst": (step, table) => {
    return gather(step, sliceOf(step, table, 64, 200), step.upload(Uint32Array.of(0, 63, 64, 199)));
  },
  "indexScore of a slice": (step, table) => {
    const x = step.upload(values(N * W, 3), [N, W]);
    return indexScore(step, x, sliceOf(step, table, 64, 150), zeros(step, 150), ids(step, 150));
  },
  "indexScore by the table's own rows": (step, table) => {
    return indexScore(step, sliceOf(step, table, 128, N), table, zeros(step, V), ids(step, V));
  },
  "topK of a slice": (step, table) => {
    const x = step.upload(values(N * W, 3), [N, W]), slice = sliceOf(step, table, 64, 100);
    return topK(step, linearScorer(step, x, slice, zeros(step, 100)), 7).scores;
  },
  "copy of a slice": (step, table) => copied(step, sliceOf(step, table, 64, 100)),
  "copy of a slice that was written": (step, table) => {
    const slice = sliceOf(step, table, 64, 200);
    step.gpu.write(slice, values(200 * W, 4));
    return copied(step, slice);
  },
  "copy of a slice that was cleared": (step, table) => {
    const slice = sliceOf(step, table, 64, 200);
    step.gpu.clear(slice);
    return copied(step, slice);
  },
  "copy of a slice that was copied to": (step, table) => {
    const slice = sliceOf(step, table, 64, 200);
    step.gpu.copy(step.upload(values(200 * W, 4), [200, W]), slice);
    return copied(step, slice);
  },
};

/** Those that take one buffer alone. */
const WHOLE_READERS: typeof READERS = {
  "gather of half rows": (step, table) => {
    return gather(step, step.reshape(table, [2 * V, W / 2]), ids(step, 2 * V));
  },
  "gather of an element": (step, table) => gather(step, step.reshape(table, [V * W]), ids(step, V)),
  "indexScore of all rows by themselves": (step, table) => {
    return indexScore(step, table, table, zeros(step, V), step.upload(randomIds(V, 9, 7)));
  },
  "matmul with a slice": (step, table) => {
    return matmul(step, weights(step, W), sliceOf(step, table, 16, W));
  },
};

for (const [i, options] of PARTS.entries()) {
  Deno.test(`rows of views of a table are up to date, in one buffer or in parts: ${i}`, () =>
    withGpu(async (gpu) => {
      for (
        const [name, read] of Object.entries(i === 0 ? { ...READERS, ...WHOLE_READERS } : READERS)
      ) {
        const found = await after(gpu, read, true);
        assertClose(found, await after(gpu, read, false), { rtol: 1e-5, atol: 1e-6 }, name);
      }
    }, options));
}

Deno.test("gather() of a slice whose parts differ in size gives the slice's rows", async () => {
  for (const options of PARTS) {
    await withGpu(async (gpu) => {
      const data = values(V * W, 1);
      using table = gpu.table([V, W], data);
      for (const [start, count] of [[64, 200], [64, 150], [128, 172]] as const) {
        using slice = table.slice(start, count), step = gpu.step();
        const all = Uint32Array.from({ length: count }, (_, i) => i);
        const rows = await gpu.readFloats(gather(step, slice, step.upload(all)));
        assertEquals(rows, data.slice(start * W, (start + count) * W));
      }
    }, options);
  }
});

/** The gradient [rows, W] of the step that {@linkcode train} takes. */
function gradientOf(rows: number, number: number, W: number): Float64Array {
  const gradient = new Float64Array(rows * W), d = values(N * W, 5);
  for (const [n, id] of randomIds(N, rows, number).entries()) {
    for (let e = 0; e < W; e++) gradient[id * W + e]! += d[n * W + e]!;
  }
  return gradient;
}

Deno.test("two slices of one table may both have deferred updates, in one buffer or in parts", async () => {
  for (const options of PARTS) await withGpu(twoSlices, options);
});

async function twoSlices(gpu: Gpu): Promise<void> {
  const data = values(2 * V * W, 1), count = 2 * V - 304; // row 304 begins at a multiple of 256 bytes
  using all = gpu.table([2 * V, W], data);
  using first = all.slice(0, V), second = all.slice(304, count);
  const tables = [first, second];
  const copies = [data.slice(0, V * W), data.slice(304 * W)].map((x) => Float64Array.from(x));
  const expected = copies.map((copy) => new ReferenceSGD([copy], OPTIONS));
  for (const table of tables) table.requiresGrad = true;
  using optimizer = new SGD(gpu, [["first", first], ["second", second]], OPTIONS);
  for (let number = 0; number < 6; number++) {
    const at = number % 2, table = tables[at]!;
    train(gpu, table, optimizer, number);
    expected[at]!.step([gradientOf(table.shape[0]!, number, W)], OPTIONS.lr);
  }
  using step = gpu.step();
  const check = async (slice: Tensor, from: Float64Array, start: number, what: string) => {
    const own = Uint32Array.from(randomIds(N, 200, 1), (id) => start + id); // some of the first step's rows
    const rows = await gpu.readFloats(gather(step, slice, step.upload(own)));
    const picked = [...own].flatMap((id) => {
      return [...from.subarray((id - start) * W, (id - start + 1) * W)];
    });
    assertClose(rows, picked, { rtol: 1e-5, atol: 1e-6 }, what);
  };
  await check(all, copies[1]!, 304, "the whole table");
  for (const [i, start] of [0, 304].entries()) {
    await check(sliceOf(step, all, start, 200), copies[i]!, 0, `slice ${i}`);
  }
}

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
