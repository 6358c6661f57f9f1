// topK() against sorting on the CPU, bit for bit, in one tile of classes and in several.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  crossEntropy,
  linearScorer,
  tiledCrossEntropy,
  type TileScorer,
  topK,
} from "../../../kernels/ops.ts";
import type { Gpu, Step } from "../../../mod.ts";
import { poisonPool } from "../../support/check_op.ts";
import { peakMemory, withBothFamilies, withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";
import { linear } from "../../reference/linear.ts";
import { bestOf } from "../../reference/top_k.ts";

/** Scores of N rows over V classes, and how many are wanted. */
interface Problem {
  N: number;
  V: number;
  k: number;
  scores: Float32Array;
  heldBytes?: number;
}

/** A scorer that knows its scores. */
function given(gpu: Gpu, { N, V, scores, ...held }: Problem): TileScorer {
  return {
    rows: N,
    classes: V,
    ...held,
    inputs: [],
    scores(first, count) {
      const tile = gpu.temporary([N, count]), data = new Float32Array(N * count);
      for (let n = 0; n < N; n++) {
        data.set(scores.subarray(n * V + first, n * V + first + count), n * count);
      }
      gpu.write(tile, data);
      return tile;
    },
    backward: () => {
      throw new Error("not to be called");
    },
  };
}

async function check(gpu: Gpu, what: string, problem: Problem): Promise<void> {
  const { N, V, k, scores } = problem;
  poisonPool(gpu);
  using step = gpu.step();
  const found = topK(step, given(gpu, problem), k);
  assertEquals([found.ids.shape, found.scores.shape, found.ids.idLimit], [[N, k], [N, k], V]);
  const ids = await gpu.read(found.ids), best = await gpu.read(found.scores);
  for (let n = 0; n < N; n++) {
    const row = scores.subarray(n * V, (n + 1) * V), expected = bestOf(row, k);
    const name = `${what}, N ${N}, V ${V}, k ${k}, row ${n}`;
    assertEquals<unknown>(ids.slice(n * k, (n + 1) * k), expected, `${name}: ids`);
    const expectedScores = Float32Array.from(expected, (id) => row[id]! + 0); // -0 + 0 is 0
    assertEquals<unknown>(best.slice(n * k, (n + 1) * k), expectedScores, `${name}: scores`);
  }
}

/** Ways to fill `n` scores. */
const FILLS: Readonly<Record<string, (n: number) => Float32Array>> = {
  "random": (n) => values(n, n, 10),
  "ties": (n) => values(n, n, 3).map(Math.round),
  "all equal": (n) => new Float32Array(n).fill(-2.5),
  "any bits, NaN among them": (n) =>
    new Float32Array(Uint32Array.from(values(n, n), (x) => (x + 1) * 2 ** 31).buffer),
  "mostly -Infinity": (n) => values(n, n).map((x) => Math.abs(x) < 0.9 ? -Infinity : x),
  "zeros of both signs and infinities": (n) =>
    Float32Array.from(
      values(n, n),
      (x) => [0, -0, Infinity, -Infinity, -1e-45][(x + 1) * 2.5 | 0]!,
    ),
};

Deno.test("topK() sorts as the CPU does, at any size, whatever the scores are", () =>
  withBothFamilies(async (gpu) => {
    const sizes: readonly (readonly [N: number, V: number, k: number])[] = [
      ...[[1, 1, 1], [33, 63, 2], [7, 65, 63], [33, 65, 64], [1, 65, 65]] as const,
      ...[[7, 1000, 1], [33, 1000, 65], [7, 1000, 1000], [1, 1027, 1024]] as const,
    ];
    for (const [N, V, k] of sizes) {
      for (const [what, fill] of Object.entries(FILLS)) {
        await check(gpu, what, { N, V, k, scores: fill(N * V) });
      }
    }
  }));

Deno.test("topK() is right in many tiles, the first of which has fewer than k classes, the last one", () =>
  withBothFamilies(async (gpu) => {
    const [N, V] = [7, 1025], heldBytes = 4 * N * 64 * 2; // two tiles' worth of 64 classes
    for (const [what, fill] of Object.entries(FILLS)) {
      for (const k of [1, 63, 700, 1024]) {
        await check(gpu, what, { N, V, k, heldBytes, scores: fill(N * V) });
      }
    }
  }));

// When they rise with the id, all pass the threshold, and llvmpipe's loops are near their 65,535 rounds.
Deno.test("topK() is right over 100,003 classes, also when scores rise or fall with the id", () =>
  withBothFamilies(async (gpu) => {
    const V = 100_003, rising = Float32Array.from({ length: V }, (_, y) => y);
    for (const k of [2, 64, 100, 300, 1000, 1024]) {
      await check(gpu, "rising", { N: 1, V, k, scores: rising });
    }
    await check(gpu, "falling", { N: 1, V, k: 1024, scores: rising.toReversed() });
    await check(gpu, "random", { N: 3, V, k: 65, scores: values(3 * V, 1) });
    await check(gpu, "equal", { N: 1, V, k: 1024, scores: new Float32Array(V) });
  }));

Deno.test("topK() is right over a million classes, and over many rows", () =>
  withGpu(async (gpu) => {
    await check(gpu, "random", { N: 1, V: 1_000_000, k: 100, scores: values(1_000_000, 1) });
    // More workgroups than a dimension of the grid holds.
    await check(gpu, "random", { N: 65_537, V: 5, k: 2, scores: values(65_537 * 5, 2) });
  }));

/** `x weight^T + bias` [N, V] on the GPU. */
function layer(step: Step, N: number, E: number, V: number, heldBytes?: number): TileScorer {
  const [x, weight, bias] = [[N, E], [V, E], [V]].map((shape, i) => {
    return step.upload(values(shape.reduce((n, size) => n * size, 1), i + 1), shape);
  });
  return linearScorer(step, x!, weight!, bias!, heldBytes);
}

Deno.test("topK() of a linear scorer agrees with float64, and gives equal bits twice", () =>
  withBothFamilies(async (gpu) => {
    const [N, E, V, k] = [7, 5, 1000, 20];
    using step = gpu.step();
    const run = async () => {
      const { ids, scores } = topK(step, layer(step, N, E, V), k);
      return { ids: await gpu.read(ids), scores: await gpu.readFloats(scores) };
    };
    const found = await run();
    assertEquals(await run(), found);
    const inputs = [values(N * E, 1), values(V * E, 2), values(V, 3)].map((a) =>
      Float64Array.from(a)
    );
    const [x, weight, bias] = inputs;
    const { output } = linear(N, E, V)(x!, weight!, bias!);
    for (let n = 0; n < N; n++) {
      const row = output.subarray(n * V, (n + 1) * V), best = bestOf(row, k);
      for (let i = 0; i < k; i++) {
        const score = found.scores[n * k + i]!, id = found.ids[n * k + i]!;
        // Two scores that rounding makes equal may change places.
        assert(Math.abs(score - row[best[i]!]!) < 1e-5, `row ${n}, place ${i}: ${score}`);
        assert(Math.abs(score - row[id]!) < 1e-5, `row ${n}, place ${i}: class ${id}`);
      }
    }
  }));

Deno.test("topK() never holds more than 64 MiB of scores", () =>
  withBothFamilies(async (gpu) => {
    const [N, E, V, k] = [700, 2, 30_011, 100]; // 80 MiB of scores
    const { bytes, largest } = await peakMemory(gpu, () => {
      using step = gpu.step();
      topK(step, layer(step, N, E, V), k);
    });
    assert(bytes / 2 ** 20 < 64 + 2, `${bytes / 2 ** 20} MiB in use`);
    assert(largest > 5 * 2 ** 20, "the scores of a tile were not seen");
  }));

Deno.test("topK() throws a RangeError that says which k there may be", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const small = layer(step, 2, 3, 10), large = layer(step, 2, 3, 2000);
    for (const k of [0, -1, 1.5, NaN, 1025, 2 ** 40]) {
      const message = `k is ${k}, not an integer from 1 to 1024`;
      assertThrows(() => topK(step, large, k), RangeError, message);
    }
    assertThrows(() => topK(step, small, 11), RangeError, "k is 11, but there are only 10 classes");
    const tall = given(gpu, { N: 262_145, V: 4, k: 2, scores: new Float32Array() });
    const message = "run topK on 262145 rows: at most 262144";
    assertThrows(() => topK(step, tall, 2), RangeError, message);
    const deep = { ...small, floatsPerClass: 262_145 };
    const numbers = "run topK with 262145 numbers a class: at most 262144 fit a tile";
    assertThrows(() => topK(step, deep, 2), RangeError, numbers);
  }));

Deno.test("topK() and tiledCrossEntropy() refuse a scorer whose tiles have another shape", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const scorer = { ...layer(step, 2, 3, 10), scores: () => step.tensor([2, 9]) };
    const message = "the scorer's tile is f32 [2,9], expected f32 [2,10]";
    const target = step.upload(Uint32Array.of(1, 2));
    assertThrows(() => topK(step, scorer, 1), TypeError, `Cannot run topK: ${message}`);
    assertThrows(() => tiledCrossEntropy(step, scorer, target), TypeError, message);
  }));

Deno.test("a linear scorer is refused by its own name, a cross entropy by its own", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const x = step.upload(values(8, 1), [2, 4]), weight = step.upload(values(15, 2), [5, 3]);
    const bias = step.upload(values(5, 3)), ids = step.upload(Uint32Array.of(0, 4));
    const message = "weight is f32 [5,3], expected f32 [5,4]";
    assertThrows(
      () => topK(step, linearScorer(step, x, weight, bias), 2),
      TypeError,
      `Cannot run linearScorer: ${message}`,
    );
    assertThrows(
      () => crossEntropy(step, x, weight, bias, ids),
      TypeError,
      `Cannot run crossEntropy: ${message}`,
    );
    const held = () => linearScorer(step, x, step.upload(values(20, 2), [5, 4]), bias, 0);
    assertThrows(held, RangeError, "Cannot run linearScorer: heldBytes is 0");
  }));
