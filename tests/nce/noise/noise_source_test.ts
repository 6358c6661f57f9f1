// Categorical noise: the distributions by their formulas, their draws by chi-square, and their ln q.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { normalizeNoise } from "../../../nce/noise/noise.ts";
import {
  AliasMultinomial,
  type Gpu,
  logUniformProbabilities,
  noiseProbabilities,
} from "../../../mod.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { chiSquareProbability } from "../../reference/chi_square.ts";

const V = 1000, DRAWS = 1_000_000;

/** Zipf counts, all positive, in mixed order. */
const COUNTS = Float64Array.from({ length: V }, (_, i) => Math.ceil(1e6 / (1 + (i * 7) % V)));

function normalized(weights: Float64Array): Float64Array {
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

const UNIGRAM = normalized(COUNTS);

/** What a source is made of, and its distribution in closed form. */
const SOURCES: Record<string, { noise: ArrayLike<number>; expected: Float64Array }> = {
  unigram: { noise: COUNTS, expected: UNIGRAM },
  "power 0.75": {
    noise: noiseProbabilities(COUNTS, { power: 0.75 }),
    expected: normalized(COUNTS.map((n) => n ** 0.75)),
  },
  "power 0.75, a tenth uniform": {
    noise: noiseProbabilities(COUNTS, { power: 0.75, uniform: 0.1 }),
    expected: normalized(COUNTS.map((n) => n ** 0.75)).map((p) => 0.9 * p + 0.1 / V),
  },
  uniform: {
    noise: noiseProbabilities(COUNTS, { uniform: 1 }),
    expected: new Float64Array(V).fill(1 / V),
  },
  "log-uniform": {
    noise: logUniformProbabilities(V),
    expected: Float64Array.from(
      { length: V },
      (_, y) => Math.log((y + 2) / (y + 1)) / Math.log(V + 1),
    ),
  },
};

/** How often each class is among `ids`. */
function countsOf(ids: ArrayLike<number>): Uint32Array {
  const counts = new Uint32Array(V);
  for (let i = 0; i < ids.length; i++) counts[ids[i]!]!++;
  return counts;
}

/** A million draws of `noise`, and what it gives as q of every class. */
async function draw(gpu: Gpu, noise: ArrayLike<number>, perWord: boolean) {
  using source = new AliasMultinomial(gpu, noise);
  using step = gpu.step({ seed: 3, number: 1 });
  const target = step.upload(Uint32Array.from({ length: V }, (_, y) => y));
  const noiseRatio = perWord ? DRAWS / V : DRAWS;
  const found = source.sample(step, { target, noiseRatio, perWord });
  const shape = perWord ? [V, noiseRatio] : [noiseRatio];
  assertEquals([found.ids.shape, found.logProb.shape, found.samples], [shape, shape, noiseRatio]);
  const ids = await gpu.read(found.ids);
  const logQ = await gpu.readFloats(found.targetLogProb);
  const drawnLogQ = await gpu.readFloats(found.logProb);
  assertEquals(drawnLogQ.findIndex((x, i) => x !== logQ[ids[i]!]), -1);
  assertClose(source.probabilities, logQ.map(Math.exp), { atol: 0, rtol: 1e-5 });
  return { drawn: countsOf(ids), q: Float64Array.from(logQ, Math.exp) };
}

Deno.test("categorical noise follows its formula, and its ln q the draws: chi-square of 1e6 draws", () =>
  withGpu(async (gpu) => {
    for (const [name, { noise, expected }] of Object.entries(SOURCES)) {
      assertClose(Float64Array.from(noise).map((p) => p / sumOf(noise)), expected, {
        atol: 0,
        rtol: 1e-9,
      }, name);
      for (const perWord of [false, true]) {
        const { drawn, q } = await draw(gpu, noise, perWord);
        assertClose(q, expected, { atol: 0, rtol: 1e-5 }, name);
        assert(chiSquareProbability(drawn, expected) > 1e-3, `${name}, by formula`);
        assert(chiSquareProbability(drawn, q) > 1e-3, `${name}, by ln q`);
      }
    }
  }));

Deno.test("the chi-square of 1e6 draws tells every noise distribution from every other", () =>
  withGpu(async (gpu) => {
    for (const [name, { noise }] of Object.entries(SOURCES)) {
      const { drawn } = await draw(gpu, noise, false);
      for (const [other, { expected }] of Object.entries(SOURCES)) {
        if (other !== name) {
          assert(chiSquareProbability(drawn, expected) < 1e-6, `${name}, ${other}`);
        }
      }
    }
  }));

Deno.test("noiseProbabilities() is the counts' distribution by default, and sums to 1 always", () => {
  assertClose(noiseProbabilities([1, 3]), [0.25, 0.75], { atol: 0, rtol: 1e-15 });
  assertClose(noiseProbabilities([1, 3], { power: 2 }), [0.1, 0.9], { atol: 0, rtol: 1e-15 });
  assertClose(noiseProbabilities([1, 3], { power: -1 }), [0.75, 0.25], { atol: 0, rtol: 1e-15 });
  assertClose(noiseProbabilities([1, 3], { power: 0 }), [0.5, 0.5], { atol: 0, rtol: 1e-15 });
  assertClose(noiseProbabilities([0, 5], { uniform: 0.5 }), [0.25, 0.75], { atol: 1e-10 });
  for (const { noise } of Object.values(SOURCES).slice(1)) {
    assertAlmostEquals(sumOf(noise), 1, 1e-12);
  }
  for (const classes of [1, 2, 300_000]) {
    assertAlmostEquals(sumOf(logUniformProbabilities(classes)), 1, 1e-12);
  }
});

Deno.test("noiseProbabilities() is the power of the counts, be they far below the largest", () => {
  const near = { atol: 0, rtol: 1e-12 };
  assertClose(
    noiseProbabilities([1e12, 1], { power: 0.5 }),
    [1e6, 1].map((w) => w / 1000001),
    near,
  );
  const rare = new Float64Array(100_001).fill(1), total = 3e11 ** 0.75 + 100_000;
  rare[0] = 3e11;
  assertClose([noiseProbabilities(rare, { power: 0.75 })[5]!], [1 / total], near);
  assertClose(
    noiseProbabilities([1e16, 1], { power: -0.5 }),
    [1, 1e8].map((w) => w / 100000001),
    near,
  );
});

Deno.test("noiseProbabilities() leaves a class without a count at the floor, whatever the power", () => {
  for (const power of [2, 1, 0.75, 0.1]) {
    const [zero, one] = noiseProbabilities([0, 1, 1e9], { power });
    assertClose([zero!], [1e-10], { atol: 0, rtol: 1e-9 });
    assert(one! >= zero!, `power ${power}`);
  }
});

Deno.test("noiseProbabilities() throws a RangeError when counts, power or the mixture do not do", () => {
  const wrong: [number[], { power?: number; uniform?: number }, string][] = [
    [[], {}, "no classes"],
    [[0, 0], {}, "every class has weight 0"],
    [[1, -1], {}, "class 1 has weight -1"],
    [[NaN, 1], {}, "class 0 has weight NaN"],
    [[1, 2], { power: NaN }, "power is NaN"],
    [[1, 2], { power: Infinity }, "power is Infinity"],
    [[1, 0], { power: -0.5 }, "power -0.5: class 1 has count 0"],
    [[1, 2], { power: 5000 }, "power 5000: too large"],
    [[1, 2], { power: -5000 }, "power -5000: too large"],
    [[1, 2], { uniform: -0.1 }, "uniform is -0.1"],
    [[1, 2], { uniform: 1.1 }, "uniform is 1.1"],
    [[1, 2], { uniform: NaN }, "uniform is NaN"],
  ];
  for (const [counts, shape, message] of wrong) {
    assertThrows(() => noiseProbabilities(counts, shape), RangeError, message);
  }
});

Deno.test("noise weights may be so large or small that their sum is no float64", () => {
  for (const scale of [Number.MAX_VALUE, 2 ** 1022, 1, 2 ** -1020, 4 * Number.MIN_VALUE]) {
    const weights = [scale, scale / 2, scale, scale / 4];
    assertEquals(normalizeNoise(weights), normalizeNoise([4, 2, 4, 1]), `${scale}`);
  }
});

function sumOf(numbers: ArrayLike<number>): number {
  return Array.from(numbers).reduce((sum, x) => sum + x, 0);
}
