// pick(): which of the best words count, and how often each is picked.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { pick, type SamplingSettings } from "../../../example/generation/pick.ts";

/** Words 10, 11, ... with these probabilities, best first, under scores with another constant. */
const PROBABILITIES = [0.5, 0.2, 0.15, 0.1, 0.05];
const CANDIDATES = PROBABILITIES.map((p, i) => ({ id: 10 + i, score: Math.log(p) + 3 }));
const ALL: SamplingSettings = { topK: null, topP: null, temperature: 1 };

/** The part of all u that picks each word. */
function parts(settings: Partial<SamplingSettings>, candidates = CANDIDATES): Map<number, number> {
  const steps = 100_000, found = new Map<number, number>();
  for (let i = 0; i < steps; i++) {
    const id = pick(candidates, 3, { ...ALL, ...settings }, (i + 0.5) / steps);
    found.set(id, (found.get(id) ?? 0) + 1 / steps);
  }
  return found;
}

function expect(settings: Partial<SamplingSettings>, weights: readonly number[]): void {
  const found = parts(settings), total = weights.reduce((a, b) => a + b, 0);
  assertEquals([...found.keys()], weights.map((_, i) => 10 + i));
  weights.forEach((weight, i) => assertAlmostEquals(found.get(10 + i)!, weight / total, 2e-5));
}

Deno.test("pick() takes each word as often as it is probable, by temperature", () => {
  expect({}, PROBABILITIES);
  expect({ temperature: 0.5 }, PROBABILITIES.map((p) => p ** 2));
  expect({ temperature: 4 }, PROBABILITIES.map((p) => p ** 0.25));
  assertEquals([...parts({ temperature: 1e-4 }).keys()], [10], "nothing overflows");
});

Deno.test("pick() takes one of the k best", () => {
  expect({ topK: 1 }, [1]);
  expect({ topK: 3 }, PROBABILITIES.slice(0, 3));
  expect({ topK: 9 }, PROBABILITIES);
  expect({ topK: 2, temperature: 2 }, [Math.sqrt(0.5), Math.sqrt(0.2)]);
});

Deno.test("pick() takes one of the fewest words that have a probability, whatever the temperature", () => {
  for (
    const [topP, count] of [[0, 1], [0.4, 1], [0.51, 2], [0.69, 2], [0.71, 3], [0.96, 5], [
      1,
      5,
    ]] as const
  ) {
    expect({ topP }, PROBABILITIES.slice(0, count));
    expect({ topP, temperature: 0.5 }, PROBABILITIES.slice(0, count).map((p) => p ** 2));
  }
  expect({ topP: 0.8, topK: 2 }, PROBABILITIES.slice(0, 2));
  expect({ topP: 0.6, topK: 4 }, PROBABILITIES.slice(0, 2));
});

Deno.test("pick() reckons with the words that are no candidates", () => {
  // The others are half of all: the best two have 0.35, the best five 0.5.
  const others = 3 + Math.log(2);
  const kept = (topP: number) =>
    new Set(
      Array.from({ length: 999 }, (_, i) =>
        pick(CANDIDATES, others, { ...ALL, topP }, (i + 1) / 1000)),
    ).size;
  assertEquals([0.2, 0.3, 0.4, 0.6].map(kept), [1, 2, 3, 5]);
});

Deno.test("pick() needs no more words where the probability is reached exactly, and parts u in halves", () => {
  const two = [10, 11, 12].map((id) => ({ id, score: Math.log(0.5) }));
  assertEquals(pick(two, 0, { ...ALL, topP: 0.5 }, 0.999), 10);
  const picked = [0, 0.499, 0.5, 0.999].map((u) => pick(two, 0, { ...ALL, topP: 1 }, u));
  assertEquals(picked, [10, 10, 11, 11]);
});
