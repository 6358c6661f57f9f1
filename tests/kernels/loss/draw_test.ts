// drawClasses(): its noise against the CPU's, its draws against the softmax, and what it depends on.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { philox } from "../../../kernels/random/philox.ts";
import { streamOf } from "../../../kernels/random/stream.ts";
import { RandomStream } from "../../../kernels/random/mod.ts";
import { drawClasses, type DrawOptions, linearScorer } from "../../../kernels/ops.ts";
import type { Gpu } from "../../../mod.ts";
import { assertClose } from "../../support/close.ts";
import { peakMemory, withBothFamilies, withGpu } from "../../support/gpu.ts";
import { chiSquareProbability } from "../../reference/chi_square.ts";
import { values } from "../../reference/data.ts";
import { bestOf } from "../../reference/top_k.ts";

const STREAM = new RandomStream("draws");

/** What is drawn for rows whose scores are the bias; ids and sums, row after row. */
async function draw(
  gpu: Gpu,
  scores: Float32Array,
  { N = 1, k = 1, seed = 0, number = 0, heldBytes = 2 ** 26, ...options }: Partial<DrawOptions> & {
    N?: number;
    k?: number;
    seed?: number;
    number?: number;
    heldBytes?: number;
  },
): Promise<{ ids: number[]; sums: Float32Array }> {
  using step = gpu.step({ seed, number });
  const [x, weight] = [
    step.upload(new Float32Array(N), [N, 1]),
    step.upload(new Float32Array(scores.length), [scores.length, 1]),
  ];
  const scorer = linearScorer(step, x, weight, step.upload(scores), heldBytes);
  const found = drawClasses(step, scorer, k, { stream: STREAM, ...options });
  return { ids: [...await gpu.read(found.ids)], sums: await gpu.readFloats(found.scores) };
}

/** The Gumbel noise of a class in a row, in float64. */
function gumbel(row: number, y: number, seed = 0, number = 0): number {
  const words = philox([y >>> 2, number, streamOf("draws"), row], [seed, 0]);
  return -Math.log(-Math.log1p(-(words[y % 4]! + 0.5) * 2 ** -32));
}

Deno.test("drawClasses() gives the classes and sums of the CPU's noise, at any size and in many tiles", () =>
  withBothFamilies(async (gpu) => {
    for (
      const [N, V, temperature, heldBytes] of [
        ...[[1, 1, 1, 2 ** 26], [3, 2, 0.5, 2 ** 26], [2, 63, 2, 2 ** 26]] as const,
        ...[[5, 1003, 1, 2 ** 26], [5, 1003, 0.7, 4 * 5 * 128], [1, 1024, 100, 2 ** 26]] as const,
      ]
    ) {
      const scores = values(V, 3, 4), k = Math.min(V, 50);
      const options = { N, k, temperature, heldBytes, seed: 5, number: 9, firstRow: 2 };
      const { ids, sums } = await draw(gpu, scores, options);
      for (let n = 0; n < N; n++) {
        const all = Float64Array.from(scores, (s, y) => s + temperature * gumbel(n + 2, y, 5, 9));
        const best = Array.from(bestOf(all, k), (id) => all[id]!);
        const own = ids.slice(n * k, (n + 1) * k);
        assertEquals(new Set(own).size, k);
        // Sums next to each other may change places by rounding: the sum of each class says that it is right.
        const tolerance = { atol: 1e-4 * temperature, rtol: 1e-5 };
        assertClose(sums.subarray(n * k, (n + 1) * k), best, tolerance, `V ${V}, row ${n}`);
        assertClose(
          sums.subarray(n * k, (n + 1) * k),
          own.map((id) => all[id]!),
          tolerance,
          "of the ids",
        );
      }
    }
  }));

Deno.test("drawClasses() draws from the softmax, then from what is left of it", () =>
  withBothFamilies(async (gpu) => {
    const V = 30, N = 4000;
    for (const temperature of [1, 0.4, 3]) {
      const scores = values(V, 7, 2);
      const weights = Array.from(scores, (s) => Math.exp(s / temperature));
      const total = weights.reduce((a, b) => a + b, 0), p = weights.map((w) => w / total);
      const { ids } = await draw(gpu, scores, { N, k: 2, temperature, seed: 11 });
      const [first, second] = [new Uint32Array(V), new Uint32Array(V)];
      for (let n = 0; n < N; n++) first[ids[2 * n]!]!++, second[ids[2 * n + 1]!]!++;
      // The second is y if the first was another one: the sum over these.
      const after = p.map((q, y) =>
        p.reduce((sum, r, x) => x === y ? sum : sum + r * q / (1 - r), 0)
      );
      assert(chiSquareProbability(first, p) > 1e-3, `first, temperature ${temperature}`);
      assert(chiSquareProbability(second, after) > 1e-3, `second, temperature ${temperature}`);
    }
  }));

Deno.test("drawClasses() draws rare classes of very many as often as they should be", () =>
  withGpu(async (gpu) => {
    const V = 200_000, N = 40, steps = 5, counts = new Uint32Array(10);
    for (let number = 0; number < steps; number++) {
      const { ids } = await draw(gpu, new Float32Array(V), { N, k: 20, number });
      for (const id of ids) counts[Math.floor(id / V * 10)]!++;
    }
    // Without replacement, but of so many that it makes no difference.
    assert(chiSquareProbability(counts, Array(10).fill(0.1)) > 1e-3, `${counts}`);
  }));

Deno.test("drawClasses() at temperature 0 takes the best, ties by id, and -Infinity is never drawn", () =>
  withBothFamilies(async (gpu) => {
    const scores = Float32Array.of(1, 5, -2, 5, 0);
    assertEquals((await draw(gpu, scores, { N: 2, k: 3, temperature: 0 })).ids, [1, 3, 0, 1, 3, 0]);
    const some = Float32Array.of(-Infinity, 0, -Infinity, 0);
    const { ids } = await draw(gpu, some, { N: 500 });
    assertEquals(new Set(ids), new Set([1, 3]));
  }));

Deno.test("drawClasses() depends on the seed, the step's number, the stream and the row's number alone", () =>
  withBothFamilies(async (gpu) => {
    const scores = values(300, 1), N = 8;
    const first = await draw(gpu, scores, { N }), again = await draw(gpu, scores, { N });
    assertEquals(again, first, "equal bits");
    const tail = await draw(gpu, scores, { N: 3, firstRow: 5, heldBytes: 4 * 3 * 64 });
    assertEquals(tail.ids, first.ids.slice(5), "whatever the batch and the tiles");
    for (
      const other of [{ seed: 1 }, { number: 1 }, { firstRow: 100 }, {
        stream: new RandomStream("b"),
      }]
    ) {
      assertNotEquals((await draw(gpu, scores, { N, ...other })).ids, first.ids);
    }
  }));

Deno.test("drawClasses() holds no more scores than allowed, and names what it cannot do", () =>
  withGpu(async (gpu) => {
    const scores = new Float32Array(100_003), heldBytes = 2 ** 20;
    const { largest } = await peakMemory(gpu, async () => {
      await draw(gpu, scores, { N: 16, heldBytes });
    });
    assert(largest <= heldBytes, `${largest}`);
    using step = gpu.step();
    const up = (...shape: [number] | [number, number]) =>
      step.upload(new Float32Array(shape[0] * (shape[1] ?? 1)), shape);
    const scorer = linearScorer(step, up(2, 1), up(3, 1), up(3));
    const refuse = (k: number, options: Partial<DrawOptions>, message: string) =>
      assertThrows(
        () => drawClasses(step, scorer, k, { stream: STREAM, ...options }),
        RangeError,
        message,
      );
    refuse(4, {}, "Cannot run drawClasses: k is 4, but there are only 3 classes");
    refuse(1, { temperature: -1 }, "Cannot run drawClasses: temperature is -1");
    refuse(1, { firstRow: 2 ** 32 }, "Cannot run drawClasses: firstRow is 4294967296");
  }));
