// The market: who takes what, and the best that a model can reach.

import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { Market, topIndices } from "../../../example/demos/market.ts";
import { normals } from "../../../example/shared/normals.ts";
import { Philox } from "../../../kernels/random/mod.ts";

const MARKET = new Market({ items: 40, features: 3, ages: 3, regions: 2 }, 5);

Deno.test("a market's users differ by age and by region, and its best is their mean", () => {
  const { users, conditionals, popularity, bestLogProb } = MARKET;
  assertEquals([users, conditionals.length, popularity.length], [6, 6, 40]);
  for (const p of conditionals) assertAlmostEquals(p.reduce((a, b) => a + b), 1, 1e-12);
  const best = conditionals.map((p) => p.reduce((sum, x) => sum + x * Math.log(x), 0));
  assertAlmostEquals(bestLogProb, best.reduce((a, b) => a + b) / 6, 1e-12);
  const means = popularity.map((_, y) => conditionals.reduce((sum, p) => sum + p[y]!, 0) / 6);
  popularity.forEach((p, y) => assertAlmostEquals(p, means[y]!, 1e-12));
  // Age 1 in region 0 is not age 0 in region 1; but a taste is the sum of both.
  assertNotEquals(conditionals[1], conditionals[3]);
  const odds = (user: number) => Math.log(conditionals[user]![0]! / conditionals[user]![9]!);
  assertAlmostEquals(odds(0) + odds(4), odds(1) + odds(3), 1e-12);
});

Deno.test("topIndices() gives the largest, equal ones in their order", () => {
  const p = Float64Array.of(0.2, 0.3, 0.2, 0.3, 0.1);
  assertEquals([0, 1, 3, 4, 9].map((count) => topIndices(p, count)), [
    [],
    [1],
    [1, 3, 0],
    [1, 3, 0, 2],
    [1, 3, 0, 2, 4],
  ]);
});

Deno.test("Market has the softmax of popularity and of what age and region like", () => {
  const [ages, regions, features, items] = [2, 4, 3, 7];
  const market = new Market({ items, features, ages, regions }, 5);
  const tastes = normals((ages + regions) * features, new Philox(5, 0x4d4b5401))
    .map((x) => 1.5 * x / Math.sqrt(2 * features));
  market.conditionals.forEach((p, user) => {
    const age = user % ages, region = ages + Math.floor(user / ages);
    const scores = Array.from(p, (_, y) => {
      let score = -Math.log(y + 1);
      for (let f = 0; f < features; f++) {
        const taste = tastes[age * features + f]! + tastes[region * features + f]!;
        score += taste * market.features[y * features + f]!;
      }
      return score;
    });
    const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
    p.forEach((x, y) => assertAlmostEquals(x, Math.exp(scores[y]!) / total, 1e-12));
  });
});
