// Stochastic rounding: each bit of it against float64, right in the mean, and the same wherever a row lies.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { narrowInto } from "../../../kernels/elementwise/halves.ts";
import type { SummedGradient } from "../../../kernels/mod.ts";
import { add, crossEntropy, gather, sum, weightedSum } from "../../../kernels/ops.ts";
import type { RandomKey } from "../../../kernels/random/mod.ts";
import { Rounding } from "../../../kernels/random/rounding.ts";
import { streamOf } from "../../../kernels/random/stream.ts";
import type { Gpu, Step, Tensor } from "../../../mod.ts";
import { Adagrad, Adam, type NamedParameter, type Optimizer, SGD } from "../../../nce/nn/mod.ts";
import { chiSquareProbability } from "../../reference/chi_square.ts";
import { randomIds, values } from "../../reference/data.ts";
import { LARGEST, NORMAL, SMALLEST, storedHalves } from "../../reference/half.ts";
import { withGpu } from "../../support/gpu.ts";

const KEY = { seed: 2 ** 40 + 7, stream: 12345, step: 6 };

/** Tables in one buffer: `narrowInto()` writes a part. */
const WHOLE = { maxBindingBytes: 2 ** 27 };

/** What a table of this width stores of `floats`, its first row being number `row`. */
async function narrowed(gpu: Gpu, floats: Float32Array, W: number, key = KEY, row = 0) {
  const shape = [floats.length / W, W];
  using table = gpu.table(shape, undefined, "f16"), from = gpu.tensor(shape, floats);
  narrowInto(gpu, table, from, row, key);
  return await gpu.readFloats(table);
}

/** Values of every size and on both sides of each kind's edge. */
function everySize(): Float32Array {
  const edges = [SMALLEST, NORMAL, 1, 2048, 65472, LARGEST, 65519, 65520, 65535, 65536, 1e30];
  const around = edges.flatMap((x) => [x * (1 - 2 ** -20), x, x * (1 + 2 ** -20), 1.37 * x]);
  const sizes = values(2000, 3).map((x, i) => Math.sign(x) * 2 ** (x * 30) * (1 + i / 4000));
  const exact = Array.from({ length: 100 }, (_, i) => i * SMALLEST);
  const all = [0, -0, Infinity, 1e-40, 2 ** -25, ...around, ...sizes, ...exact];
  return Float32Array.from([...all, ...all.map((x) => -x)].slice(0, 4236));
}

Deno.test("what a table of 16-bit floats stores is the float64 rounding of each element by its own word", () =>
  withGpu(async (gpu) => {
    const floats = everySize();
    for (const W of [4, 2, 6]) {
      const row = 640, found = await narrowed(gpu, floats, W, KEY, row);
      assertEquals(found, storedHalves(floats, KEY, row * W), `rows of ${W}`);
    }
    const halves = new Float32Array(new Float16Array(floats));
    assertEquals(await narrowed(gpu, halves, 4), halves, "what is exact stays as it is");
    const [nan] = await narrowed(gpu, Float32Array.of(NaN, 1), 2);
    assert(Number.isNaN(nan));
  }, WHOLE));

Deno.test("rounding is right in the mean: up as often as the distance says, whatever the size", () =>
  withGpu(async (gpu) => {
    const n = 2 ** 14;
    const tried: [down: number, up: number, part: number][] = [
      [1, 1 + 2 ** -10, 0.5],
      [1, 1 + 2 ** -10, 1 / 64],
      [-3, -3 - 2 ** -9, 0.9],
      [1000, 1000.5, 0.75],
      [NORMAL - SMALLEST, NORMAL, 0.3],
      [0, SMALLEST, 0.25],
      [0, -SMALLEST, 0.01],
    ];
    for (const [down, up, part] of tried) {
      const value = Math.fround(down + part * (up - down)), chance = (value - down) / (up - down);
      const found = await narrowed(gpu, new Float32Array(n).fill(value), 4);
      const ups = found.filter((x) => x === up).length;
      assertEquals(found.filter((x) => x === down).length, n - ups, `${value}`);
      const probability = chiSquareProbability([ups, n - ups], [chance, 1 - chance]);
      assert(probability > 1e-3, `${value}: ${ups} of ${n} up, expected ${chance * n}`);
    }
    const half = new Float32Array(n).fill(1 + 2 ** -11);
    const of = (step: number, seed = 1) => narrowed(gpu, half, 4, { ...KEY, seed, step });
    const first = await of(2);
    for (const other of [await of(3), await of(2, 2)]) {
      const same = other.filter((x, i) => x === first[i]).length;
      assert(chiSquareProbability([same, n - same], [0.5, 0.5]) > 1e-3, `${same} of ${n} the same`);
    }
  }, WHOLE));

Deno.test("Rounding gives each update, and what is deferred after it, a step of its own", () => {
  const rounding = new Rounding(5, 9), steps = [rounding.initial.step];
  for (let i = 0; i < 3; i++) steps.push(rounding.next().step, rounding.deferred.step);
  assertEquals(steps, [0, 2, 3, 4, 5, 6, 7]);
  assertEquals(rounding.updates, 3);
});

const V = 300, OPTIONS = { lr: 0.1, weightDecay: 0.01, seed: 77 };
const MAKERS: Readonly<Record<string, (gpu: Gpu, of: NamedParameter[]) => Optimizer>> = {
  "SGD": (gpu, of) => new SGD(gpu, of, { ...OPTIONS, weightDecay: 0 }),
  "SGD with decay": (gpu, of) => new SGD(gpu, of, OPTIONS),
  "SGD with momentum": (gpu, of) => new SGD(gpu, of, { ...OPTIONS, momentum: 0.9 }),
  "Adagrad": (gpu, of) => new Adagrad(gpu, of, OPTIONS),
  "Row-wise Adagrad": (gpu, of) => new Adagrad(gpu, of, { ...OPTIONS, rowwise: true }),
  "Adam": (gpu, of) => new Adam(gpu, of, OPTIONS),
};

/** The loss of some rows, of all, or of all a tile at a time. */
function lossOf(step: Step, table: Tensor, number: number, kind: SummedGradient["kind"]): Tensor {
  const W = table.shape[1]!, ids = step.upload(randomIds(20, V, number));
  const x = step.upload(values(20 * W, number), [20, W]);
  if (kind === "tiled") {
    const bias = step.upload(values(V, 1)), heldBytes = 4 * 20 * 64; // 64 rows
    return sum(step, crossEntropy(step, x, table, bias, ids, heldBytes));
  }
  const some = weightedSum(step, gather(step, table, ids), x);
  return kind === "dense" ? add(step, some, sum(step, table)) : some;
}

/** The table as it lies there, updates that wait included or not. */
async function asItLies(optimizer: Optimizer) {
  return (await optimizer.save()).tensors["w"]!.data;
}

/** Which gradients, of tables of which width, in one buffer or in parts. */
const CASES = [
  { W: 4, kind: "sparse", maxBindingBytes: 2 ** 27 },
  { W: 6, kind: "sparse", maxBindingBytes: 1 },
  { W: 6, kind: "dense", maxBindingBytes: 1 },
  { W: 6, kind: "tiled", maxBindingBytes: 2 ** 27 },
] as const;

/** Compares two steps with 16 bits with those with 32 bits, which go on from what the others have stored. */
async function compareSteps(gpu: Gpu, name: string, { W: width, kind }: typeof CASES[number]) {
  // It sums over a row, in an order that depends on how many floats a Vec has: here four in both.
  const W = name === "Row-wise Adagrad" ? 8 : width;
  const start = new Float32Array(new Float16Array(values(V * W, 5)));
  using stack = new DisposableStack();
  const halves = stack.use(gpu.table([V, W], start, "f16"));
  const floats = stack.use(gpu.table([V, W], start)), tables = [halves, floats];
  for (const table of tables) table.requiresGrad = true;
  const both = tables.map((table) => stack.use(MAKERS[name]!(gpu, [["w", table]])));
  const rounding = new Rounding(OPTIONS.seed, streamOf("w"));
  const compare = async (key: RandomKey) => {
    const saved = await both[1]!.save(), exact = saved.tensors["w"]!.data;
    const found = await asItLies(both[0]!);
    assertEquals(found, storedHalves(exact, key), `${name}, rows of ${W}, ${kind}`);
    assertNotEquals(found, exact);
    const w = { ...saved.tensors["w"]!, data: found };
    both[1]!.load({ ...saved, tensors: { ...saved.tensors, w } });
  };
  const waits = kind === "sparse" && /momentum|decay/.test(name);
  for (let number = 0; number < 2; number++) {
    // Rows that a step reads are brought up to date before it: each is rounded once between two comparisons.
    for (const table of tables) {
      using step = gpu.step();
      gather(step, table, step.upload(randomIds(20, V, number)));
    }
    if (waits && number > 0) await compare(rounding.deferred);
    tables.forEach((table, i) => {
      using step = gpu.step({ training: true });
      const gradients = step.backward(lossOf(step, table, number, kind));
      assertEquals(gradients.get(table)!.kind, kind);
      both[i]!.step(gradients);
    });
    await compare(rounding.next());
  }
  if (!waits) return;
  for (const table of tables) await gpu.readFloats(table); // all rows
  await compare(rounding.deferred);
}

for (const name of Object.keys(MAKERS)) {
  Deno.test(`${name} stores the rounding of what it stores with 32 bits, in parts or not, of rows or all`, async () => {
    for (const given of CASES) {
      const { maxBindingBytes } = given;
      await withGpu((gpu) => compareSteps(gpu, name, given), { maxBindingBytes });
    }
  });
}
