// The examples, at tiny sizes.

import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { Market } from "../example/market.ts";
import { compare, type Outcome, recommend } from "../example/recommender.ts";
import { sample } from "../example/sample.ts";
import { Philox } from "../kernels/random.ts";
import { peakMemory, withGpu } from "./gpu.ts";
import { chiSquareProbability } from "./reference/chi_square.ts";

const SIZES = { items: 400, features: 3, ages: 3, regions: 2 };

Deno.test("the sample computes both losses without anything of the size of its classes", () =>
  withGpu(async (gpu) => {
    const numClasses = 30_000, embeddingDim = 10;
    const sizes = { embeddingDim, numClasses, noiseRatio: 20, rows: 12 };
    let result: Awaited<ReturnType<typeof sample>> | undefined;
    const { largest } = await peakMemory(gpu, async () => {
      result = await sample(gpu, sizes);
    });
    const { trainingLoss, evaluationLoss, tableBytes, stepBytes } = result!;
    assert(trainingLoss > 0 && trainingLoss < 50, `training loss ${trainingLoss}`);
    assert(evaluationLoss > 0 && evaluationLoss < 50, `evaluation loss ${evaluationLoss}`);
    assert(tableBytes >= 4 * numClasses * (embeddingDim + 1));
    assert(stepBytes < 4 * numClasses, `the step holds ${stepBytes} bytes`);
    assert(largest < 4 * numClasses / 4, `the largest tensor has ${largest} bytes`);
  }));

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

Deno.test("compare() gives the truth the best log probability, whatever its constant, and full recall", () => {
  const market = new Market(SIZES, 3);
  const truth = compare(market, (user) => market.conditionals[user]!.map((p) => Math.log(p) + 7));
  assertAlmostEquals(truth.logProb, market.bestLogProb, 1e-9);
  assertAlmostEquals(truth.recall, 1, 1e-12);
  const reversed = compare(market, (user) => market.conditionals[user]!.map((p) => -p));
  assert(reversed.logProb < market.bestLogProb - 0.1);
  assertEquals(reversed.recall, 0);
});

Deno.test("recommend() comes near the truth in every way of training, far above popularity", () =>
  withGpu(async (gpu) => {
    const market = new Market(SIZES, 3), outcomes: Outcome[] = [];
    const training = { steps: 150, batch: 96 };
    for await (const outcome of recommend(gpu, market, training)) outcomes.push(outcome);
    const [truth, popularity, ...trained] = outcomes;
    assertEquals(trained.length, 3);
    const gap = truth!.logProb - popularity!.logProb;
    for (const { name, logProb, recall } of trained) {
      assert(logProb < truth!.logProb, `${name}: better than the truth`);
      assert(truth!.logProb - logProb < 0.3 * gap, `${name}: ${logProb} of ${truth!.logProb}`);
      assert(recall > popularity!.recall, `${name}: recall ${recall}`);
    }
  }));
