// The examples, at tiny sizes.

import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { Market } from "../../../example/demos/market.ts";
import {
  compare,
  type MethodQuality,
  type Opinion,
  recommend,
} from "../../../example/demos/recommender.ts";
import { sample } from "../../../example/demos/sample.ts";
import { Philox } from "../../../kernels/random/philox.ts";
import { IndexLinear } from "../../../mod.ts";
import { peakMemory, withGpu, withNewGpu } from "../../support/gpu.ts";
import { chiSquareProbability } from "../../reference/chi_square.ts";
import { indexLinear } from "../../reference/index_linear.ts";
import { bestOf } from "../../reference/top_k.ts";

const SIZES = { items: 400, features: 3, ages: 3, regions: 2 };

Deno.test("the sample computes both losses without anything of the size of its classes", () =>
  withGpu(async (gpu) => {
    const numClasses = 30_000, embeddingDim = 10;
    const sizes = { embeddingDim, numClasses, noiseRatio: 20, rows: 12 };
    let result: Awaited<ReturnType<typeof sample>> | undefined;
    const { largest } = await peakMemory(gpu, async () => {
      result = await sample(gpu, sizes);
    });
    const { tableBytes, stepBytes } = result!;
    // The weight, the bias, and of the noise two numbers a class to draw by and its logarithm.
    const tables = 4 * numClasses * (embeddingDim + 1 + 2 + 1);
    assert(tableBytes >= tables && tableBytes < 1.01 * tables, `${tableBytes} of ${tables} bytes`);
    assert(stepBytes < 4 * numClasses, `the step holds ${stepBytes} bytes`);
    assert(largest < 4 * numClasses / 4, `the largest tensor has ${largest} bytes`);
  }));

Deno.test("the sample's losses are those of the layer in float64, and near those of the noise itself", async () => {
  const [embeddingDim, numClasses, noiseRatio, rows] = [10, 3000, 20, 12];
  const sizes = { embeddingDim, numClasses, noiseRatio, rows };
  let found: { trainingLoss: number; evaluationLoss: number };
  await withNewGpu(async (gpu) => {
    found = await sample(gpu, sizes);
  });
  const input = Float64Array.from({ length: rows * embeddingDim }, (_, i) => Math.sin(i));
  const target = Uint32Array.from({ length: rows }, (_, n) => n * 7919 % numClasses);
  const counts = Float32Array.from({ length: numClasses }, (_, y) => 1 / (y + 1));
  const meanOf = (numbers: Float64Array) => numbers.reduce((sum, x) => sum + x, 0) / rows;
  await withNewGpu(async (gpu) => {
    using layer = new IndexLinear(gpu, { embeddingDim, numClasses, noise: counts, noiseRatio });
    using step = gpu.step({ training: true });
    const noise = await gpu.read(layer.getNoise(step, step.upload(target)).ids);
    const logProb = layer.noise.probabilities.map(Math.log);
    const parameters = [await gpu.readFloats(layer.weight), await gpu.readFloats(layer.bias)]
      .map((parameter) => Float64Array.from(parameter));
    const normTerm = Math.log(numClasses);
    const lossOf = (training: boolean) => {
      const problem = { training, width: embeddingDim, target, noise, noiseRatio, normTerm };
      const oracle = indexLinear({ ...problem, lossType: "nce", logProb });
      return meanOf(oracle(input, ...parameters).output);
    };
    assertAlmostEquals(found.trainingLoss, lossOf(true), 1e-4);
    assertAlmostEquals(found.evaluationLoss, lossOf(false), 1e-4);
    // A model that is the noise tells a target from k samples no better than by chance.
    const chance = Math.log(1 + noiseRatio) + noiseRatio * Math.log(1 + 1 / noiseRatio);
    assertAlmostEquals(found.trainingLoss, chance, 0.5);
    const surprise = -meanOf(Float64Array.from(target, (y) => logProb[y]!));
    assertAlmostEquals(found.evaluationLoss, surprise, 0.5);
  });
});

Deno.test("Market draws what its probabilities say, and is a function of its seed", () => {
  const market = new Market(SIZES, 3);
  assertEquals(market.conditionals.length, 6);
  for (const p of market.conditionals) {
    assertAlmostEquals(p.reduce((sum, x) => sum + x, 0), 1, 1e-12);
  }
  const { user, item } = market.draw(100_000, new Philox(1, 5));
  const counts = new Uint32Array(SIZES.items), ofFirst = new Uint32Array(SIZES.items);
  item.forEach((y, i) => {
    counts[y]!++;
    if (user[i] === 0) ofFirst[y]!++;
  });
  assert(chiSquareProbability(counts, market.popularity) > 1e-3);
  assert(chiSquareProbability(ofFirst, market.conditionals[0]!) > 1e-3);
  assert(chiSquareProbability(ofFirst, market.popularity) < 1e-6);
  assertEquals(new Market(SIZES, 3).features, market.features);
  assertNotEquals(new Market(SIZES, 4).features, market.features);
});

Deno.test("Market.draw() draws an item whose probability is far below 2^-24", () => {
  const market = new Market({ ...SIZES, items: 100_000 }, 3), p = market.conditionals[0]!;
  const rare = p.findLastIndex((x) => x < 2 ** -26);
  const before = p.subarray(0, rare).reduce((sum, x) => sum + x, 0), u = before + p[rare]! / 2;
  const uniforms = [Math.floor(u * 2 ** 24) / 2 ** 24, u * 2 ** 24 % 1];
  const random = Object.assign(new Philox(0, 0), {
    below: () => 0,
    uniform: () => uniforms.shift()!,
  });
  assertEquals([...market.draw(1, random).item], [rare]);
});

/** A model's scores and the ten best of them, equal ones in the order of the items. */
function opinion(scores: Float64Array): Opinion {
  return { scores, best: bestOf(scores, 10) };
}

Deno.test("compare() gives the truth the best log probability, whatever its constant, and full recall", () => {
  const market = new Market(SIZES, 3);
  const truth = compare(
    market,
    (user) => opinion(market.conditionals[user]!.map((p) => Math.log(p) + 7)),
  );
  assertAlmostEquals(truth.logProb, market.bestLogProb, 1e-9);
  assertAlmostEquals(truth.recall, 1, 1e-12);
  const reversed = compare(market, (user) => opinion(market.conditionals[user]!.map((p) => -p)));
  assert(reversed.logProb < market.bestLogProb - 0.1);
  assertEquals(reversed.recall, 0);
});

Deno.test("compare() counts the ten best of each user, in whatever order, and ties in that of the items", () => {
  const market = new Market(SIZES, 3), { users } = market, { items } = SIZES;
  const best = (user: number) => {
    const p = market.conditionals[user]!;
    return [...p.keys()].sort((a, b) => p[b]! - p[a]!);
  };
  const recall = (...missing: number[]) =>
    compare(market, (user) => {
      const wanted = best(user).slice(0, 10).reverse().filter((_, i) => i >= missing[user]!);
      const ranked = [...wanted, ...best(user).slice(10)];
      return opinion(
        Float64Array.from({ length: items }, (_, y) => -(ranked.indexOf(y) + 1 || Infinity)),
      );
    }).recall;
  assertAlmostEquals(recall(0, 0, 0, 0, 0, 0), 1, 1e-12);
  assertAlmostEquals(recall(1, 0, 0, 0, 0, 0), 1 - 0.1 / users, 1e-12);
  assertAlmostEquals(recall(10, 0, 3, 0, 0, 1), 1 - 1.4 / users, 1e-12);
  const equal = compare(market, () => opinion(new Float64Array(items)));
  assertAlmostEquals(equal.logProb, -Math.log(items), 1e-12);
  const first = Array.from({ length: users }, (_, user) => best(user).slice(0, 10));
  const common = first.flat().filter((y) => y < 10).length;
  assertAlmostEquals(equal.recall, common / 10 / users, 1e-12);
});

Deno.test("recommend() comes near the truth in every way of training, far above popularity", () =>
  withGpu(async (gpu) => {
    const market = new Market(SIZES, 3), outcomes: MethodQuality[] = [];
    const training = { steps: 150, batch: 96 };
    for await (const outcome of recommend(gpu, market, training)) outcomes.push(outcome);
    const [truth, popularity, ...trained] = outcomes;
    assertEquals(truth, { name: "the truth", logProb: market.bestLogProb, recall: 1 });
    // All users together take the items as their popularity says: its entropy is what that alone costs.
    const entropy = -market.popularity.reduce((sum, p) => sum + p * Math.log(p), 0);
    assertEquals(popularity!.name, "popularity alone");
    assertAlmostEquals(popularity!.logProb, -entropy, 1e-12);
    // Of what the users' tastes tell beyond popularity, at most so much is not learned.
    const missed: [string, number][] = [
      ["nce, samples by popularity", 0.15],
      ["sampled, samples by popularity", 0.15],
      ["sampled, in-batch", 0.08],
    ];
    assertEquals(trained.map(({ name }) => name), missed.map(([name]) => name));
    const gap = truth!.logProb - popularity!.logProb;
    assert(gap > 0.1, `${gap} nats are to be learned`);
    for (const [i, { name, logProb, recall }] of trained.entries()) {
      const part = (truth!.logProb - logProb) / gap;
      assert(part > 0, `${name}: better than the truth`);
      assert(part < missed[i]![1], `${name}: ${part} of the gap is left`);
      assert(recall < 1 && recall >= 0.85, `${name}: recall ${recall}`);
      assert(recall > popularity!.recall + 0.1, `${name}: recall ${recall}`);
    }
  }));
