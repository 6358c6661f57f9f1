// Scores of candidates by one more GRU step against float64: single pairs.

import { assert, assertThrows } from "@std/assert";
import { sizeOf } from "../../../kernels/device/dtype.ts";
import { gruContexts, gruPairScore } from "../../../kernels/gru_pair/gru_pair.ts";
import type { Gpu, Tensor } from "../../../mod.ts";
import { sum, weightedSum } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { peakMemory, withBothFamilies, withGpu } from "../../support/gpu.ts";
import { masksOf, type PairProblem, pairShapes, score } from "../../support/gru_pairs.ts";
import { exact, values } from "../../reference/data.ts";
import * as reference from "../../reference/gru.ts";
import { assertGradients } from "../../reference/oracle.ts";

Deno.test("the GRU pair oracles' gradients agree with central differences", () => {
  const pairs = { rows: 2, count: 3, size: 4 }, mask = values(24, 8);
  for (const words of [[3, 12], [2, 3, 12]]) {
    const shapes = [words, [2, 12], [2, 4], [4], [1]];
    assertGradients(reference.gruPairScore(pairs, mask), exact(shapes), `pairs ${words}`);
  }
});

async function checkPairs(gpu: Gpu, problem: PairProblem): Promise<void> {
  const { rows, count, size, own, scale = 1, p = 0 } = problem;
  const shapes = pairShapes(problem);
  const masks = p > 0 ? await masksOf(gpu, problem) : undefined;
  const name = `${own ? "own" : "shared"} words, N=${rows}, K=${count}, H=${size}, p=${p}`;
  await checkOp(gpu, name, {
    shapes,
    data: shapes.map((shape, i) => values(sizeOf(shape), i + 1, i < 2 ? scale : 1)),
    oracle: reference.gruPairScore(problem, masks),
    run: (step, ...inputs) => score(step, inputs, p),
    tolerance: { atol: 2e-6 * Math.sqrt(size), rtol: 1e-5 },
    // Sums over all pairs.
    gradientTolerance: { atol: 4e-6 * scale * Math.sqrt(rows * count), rtol: 1e-4 },
  });
}

const SIZES = [[1, 1, 1], [9, 1, 12], [7, 33, 5], [65, 3, 9], [17, 63, 65], [3, 130, 68]] as const;

for (const own of [false, true]) {
  const words = own ? "of each context's own" : "that contexts share";

  Deno.test(`gruPairScore() agrees with float64 for words ${words}, at any size`, () =>
    withBothFamilies(async (gpu) => {
      for (const [rows, count, size] of SIZES) await checkPairs(gpu, { rows, count, size, own });
    }));

  Deno.test(`gruPairScore() agrees with float64 for words ${words}, gates saturated`, () =>
    withBothFamilies(async (gpu) => {
      for (const scale of [12, 80]) {
        await checkPairs(gpu, { rows: 9, count: 10, size: 7, own, scale });
      }
    }));

  Deno.test(`gruPairScore() stays finite for words ${words}, where huge gates cancel each other`, () =>
    withBothFamilies(async (gpu) => {
      const shapes = pairShapes({ rows: 3, count: 2, size: 5, own });
      using step = gpu.step({ training: true });
      const inputs = [-100, 100, 1, 1, 0].map((value, i) => {
        const shape = shapes[i]!, data = new Float32Array(sizeOf(shape)).fill(value);
        return Object.assign(step.upload(data, shape), { requiresGrad: true });
      });
      const scores = score(step, inputs), gradients = step.backward(sum(step, scores));
      // r and z are 1/2, n is tanh(-50) and h is 1: h' is 0.
      assertClose(await gpu.readFloats(scores), new Float32Array(6), { atol: 2e-6 * Math.sqrt(5) });
      for (const input of inputs) {
        const gradient = await gpu.readFloats(gradients.toDense(input)!);
        assert(gradient.every(Number.isFinite));
      }
    }));

  Deno.test(`gruPairScore() uses one mask forward and backward for words ${words}`, () =>
    withBothFamilies(async (gpu) => {
      for (const [rows, count, size] of [[9, 11, 6], [3, 1, 12]] as const) {
        await checkPairs(gpu, { rows, count, size, own, p: 0.4 });
      }
    }));

  Deno.test(`gruPairScore() drops the right share of units for words ${words}`, () =>
    withGpu(async (gpu) => {
      for (const p of [0.2, 0.5, 0.9]) {
        const masks = await masksOf(gpu, { rows: 50, count: 40, size: 12, own, p });
        const kept = masks.filter((m) => m !== 0),
          deviation = Math.sqrt(p * (1 - p) / masks.length);
        assertClose(kept, kept.map(() => 1 / (1 - p)), { atol: 0, rtol: 1e-4 }, "scale");
        const share = kept.length / masks.length;
        assertClose([share], [1 - p], { atol: 4 * deviation + 1e-5, rtol: 0 }, `kept of ${p}`);
        const pairs = Array.from({ length: 2000 }, (_, pair) => {
          return masks.subarray(12 * pair, 12 * pair + 12).join();
        });
        if (p === 0.5) assert(new Set(pairs).size > 1500, "pairs have the same masks");
      }
    }));
}

Deno.test("gruPairScore() sums over many contexts and words without a limit of its loops", () =>
  withGpu(async (gpu) => {
    await checkPairs(gpu, { rows: 2_000, count: 400, size: 1, own: false });
    await checkPairs(gpu, { rows: 1, count: 70_001, size: 1, own: false });
    await checkPairs(gpu, { rows: 2, count: 35_001, size: 1, own: true });
  }));

// A software adapter's workgroup has all contexts where units are many: 26,208 of them in a launch.
Deno.test("gruPairScore() adds up what several launches find over many contexts", () =>
  withGpu(async (gpu) => {
    const [rows, size] = [26_216, 249], w = values(size, 1);
    using step = gpu.step({ training: true });
    const filled = (value: number, ...shape: number[]) =>
      Object.assign(step.upload(new Float32Array(sizeOf(shape)).fill(value), shape), {
        requiresGrad: true,
      });
    const [words, gates, hidden] = [
      filled(0, 1, 3 * size),
      filled(0, rows, 3 * size),
      filled(2, rows, size),
    ];
    const weight = Object.assign(step.upload(w, [1, size]), { requiresGrad: true });
    const scores = score(step, [words, gates, hidden, weight, filled(0, 1)]);
    const gradients = step.backward(sum(step, scores));
    // r and z are 1/2, n is 0 and h' is 1: of each context, z's gradient is w / 2, n's as well, and r's is 0.
    const found = [weight, words].map((input) => gpu.readFloats(gradients.toDense(input)!));
    const expected = [0, 0.5, 0.5].flatMap((part) => [...w].map((x) => part * rows * x));
    const tolerance = { atol: 1e-2, rtol: 1e-4 };
    assertClose(await found[0]!, new Float32Array(size).fill(rows), tolerance, "weight");
    assertClose(await found[1]!, expected, tolerance, "words");
  }, { family: "software" }));

Deno.test("gruPairScore() of shared words stores nothing of size N K H", () =>
  withBothFamilies(async (gpu) => {
    const [rows, count, size] = [512, 1024, 64];
    const shapes = pairShapes({ rows, count, size, own: false });
    const peak = await peakMemory(gpu, () => {
      using step = gpu.step({ training: true, number: 0 });
      const inputs = shapes.map((shape, i) => {
        const tensor = step.upload(values(sizeOf(shape), i + 1), shape);
        tensor.requiresGrad = true;
        return tensor;
      });
      const scores = score(step, inputs, 0.2);
      step.backward(weightedSum(step, scores, step.upload(values(scores.size, 9), scores.shape)));
    });
    const all = 4 * rows * count * size;
    assert(peak.bytes < all / 3, `${peak.bytes} bytes for ${all}`);
  }));

Deno.test("gruPairScore() throws a TypeError when a shape does not fit", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const tensor = (...shape: number[]) => step.upload(values(sizeOf(shape), 1), shape);
    const contexts = gruContexts(step, tensor(4, 6), tensor(4, 2));
    const head = { weight: tensor(1, 2), bias: tensor(1) };
    const run = (words: Tensor, change = {}) => () =>
      gruPairScore(step, words, contexts, { ...head, ...change });
    assertThrows(() => gruContexts(step, tensor(4, 5), tensor(4, 2)), TypeError, "gates is");
    assertThrows(run(tensor(3, 5)), TypeError, "words is");
    assertThrows(run(tensor(3, 3, 6)), TypeError, "words is");
    assertThrows(run(tensor(3, 6), { weight: tensor(2) }), TypeError, "weight is");
    assertThrows(run(tensor(3, 6), { bias: tensor(2) }), TypeError, "bias is");
  }));
