// Unique noise: exact inclusion probabilities, frequencies that follow them, and never a repeat.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { systematicTable } from "../../../kernels/random/systematic.ts";
import { type Gpu, IndexLinear, UniqueNoise } from "../../../mod.ts";
import { normalizeNoise } from "../../../nce/noise/noise.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

const UNIT = 2 ** 32;
const SPARSE = "hardly any counts";

/** Zipf's law over `n` ranks. */
function zipf(n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => 1 / (i + 1));
}

/** `min(alpha q, 1)` with sum `k`, alpha by bisection. */
function inclusionOf(q: Float64Array, k: number): Float64Array {
  const at = (alpha: number) => q.map((p) => Math.min(alpha * p, 1));
  let low = k, high = 1e12;
  for (let i = 0; i < 100; i++) {
    const alpha = Math.sqrt(low * high);
    if (at(alpha).reduce((sum, p) => sum + p, 0) < k) low = alpha;
    else high = alpha;
  }
  return at(high);
}

/** The ids of `steps` draws of `noise`, one after another. */
async function drawMany(gpu: Gpu, noise: UniqueNoise, k: number, steps: number) {
  using all = gpu.tensor([steps, k], new Uint32Array(steps * k));
  for (let number = 0; number < steps; number++) {
    using step = gpu.step({ seed: 5, number });
    const target = step.upload(Uint32Array.of(0));
    const { ids } = noise.sample(step, { target, noiseRatio: k, perWord: false });
    gpu.copy(ids, all, { toStart: number * k });
    await gpu.keepUp();
  }
  return await gpu.read(all);
}

/** How many of `steps` draws of `k` ids hold each class; throws if a draw holds one twice. */
function countDistinct(ids: ArrayLike<number>, k: number, classes: number): Uint32Array {
  const counts = new Uint32Array(classes), lastSeen = new Int32Array(classes).fill(-1);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!, number = Math.floor(i / k);
    if (lastSeen[id] === number) throw new Error(`draw ${number} holds ${id} twice`);
    lastSeen[id] = number;
    counts[id]!++;
  }
  return counts;
}

/** Largest distance of `counts` from `probabilities`, in standard errors of a binomial variable. */
function worstScore(counts: ArrayLike<number>, probabilities: Float64Array, draws: number): number {
  return probabilities.reduce((worst, p, i) => {
    const spread = Math.sqrt(draws * p * (1 - p)), off = Math.abs(counts[i]! - draws * p);
    return Math.max(worst, off < 1e-3 ? 0 : off / spread);
  }, 0);
}

Deno.test("systematicTable() holds min(alpha q, 1), which sum to k exactly in units of 2^-32", () => {
  const cases: Record<string, [ArrayLike<number>, number[]]> = {
    Zipf: [zipf(50), [1, 2, 20, 49, 50]],
    "Zipf, in no order": [zipf(257).map((_, i, q) => q[(i * 100) % 257]!), [1, 16, 256, 257]],
    uniform: [new Float64Array(50).fill(1), [1, 3, 20, 49, 50]],
    "one class": [[3], [1]],
    "two equal heads": [[1, 1, 1e-6, 1e-6], [1, 2, 3, 4]],
    random: [values(1000, 1).map((x) => (x + 1.001) ** 6), [1, 7, 500, 999, 1000]],
    [SPARSE]: [Float64Array.from({ length: 30_000 }, (_, i) => i < 7 ? i + 1 : 0), [1, 2, 20]],
  };
  for (const [name, [noise, ks]] of Object.entries(cases)) {
    const q = normalizeNoise(noise);
    for (const k of ks) {
      const { inclusion, cumulative } = systematicTable(q, k);
      const units = Array.from(inclusion, (p) => BigInt(p * UNIT)); // throws unless whole
      assertEquals(units.reduce((sum, unit) => sum + unit, 0n), BigInt(k) << 32n, `${name}, ${k}`);
      assert(units.every((unit) => unit >= 1n && unit <= 1n << 32n), `${name}, ${k}`);
      // Of very many classes that are never seen, each has a unit at least: the others have less.
      const tolerance = { atol: 8 / UNIT, rtol: name === SPARSE ? 2e-5 : 0 };
      assertClose(inclusion, inclusionOf(q, k), tolerance, `${name}, ${k}`);
      let running = 0n;
      units.forEach((unit, y) => {
        running += unit;
        const entry = (BigInt(cumulative[2 * y]!) << 32n) + BigInt(cumulative[2 * y + 1]!);
        if (entry !== running) throw new Error(`${name}, ${k}: cumulative of ${y} is ${entry}`);
      });
    }
  }
});

Deno.test("UniqueNoise draws each class as often as its inclusion says, and none twice in a draw", () =>
  withGpu(async (gpu) => {
    for (const [classes, k, steps] of [[257, 63, 1500], [1000, 65, 500]] as const) {
      using noise = new UniqueNoise(gpu, zipf(classes), k);
      const ids = await drawMany(gpu, noise, k, steps);
      const counts = countDistinct(ids, k, classes);
      assertEquals(counts.reduce((sum, n) => sum + n, 0), steps * k);
      const score = worstScore(counts, noise.inclusion, steps);
      assert(score < 4.5, `${k} of ${classes}: ${score} standard errors`);
    }
  }));

Deno.test("UniqueNoise includes min(alpha q, 1), not k q and not 1 - (1 - q)^T as drawing again would", () =>
  withGpu(async (gpu) => {
    const [classes, k, steps] = [50, 20, 5000];
    using noise = new UniqueNoise(gpu, zipf(classes), k);
    const { probabilities: q, inclusion } = noise;
    // T draws with replacement hold k different classes on average.
    let low = k, high = 1000;
    const included = (T: number) => q.map((p) => -Math.expm1(T * Math.log1p(-p)));
    for (let i = 0; i < 100; i++) {
      const T = (low + high) / 2;
      if (included(T).reduce((sum, p) => sum + p, 0) < k) low = T;
      else high = T;
    }
    const ranks = [0, 1, 10, 49], at = (p: Float64Array) => ranks.map((rank) => p[rank]!);
    assertClose(at(inclusion), [1, 1, 0.62108, 0.13664], { atol: 1e-5 });
    assertClose(at(included(high)), [0.99997, 0.99249, 0.57158, 0.16890], { atol: 1e-5 });
    assertClose(at(q).map((p) => k * p), [4.44523, 2.22261, 0.40411, 0.08890], { atol: 1e-5 });
    const counts = countDistinct(await drawMany(gpu, noise, k, steps), k, classes);
    assert(worstScore(counts, inclusion, steps) < 4.5);
    assert(worstScore(counts, included(high), steps) > 6);
  }));

Deno.test("UniqueNoise draws every class when k = V, and one by q when k = 1", () =>
  withGpu(async (gpu) => {
    using all = new UniqueNoise(gpu, zipf(65), 65);
    const every = Array.from({ length: 65 }, (_, y) => y);
    assertEquals([...await drawMany(gpu, all, 65, 3)], [every, every, every].flat());
    assertEquals([...all.inclusion], every.map(() => 1));
    using one = new UniqueNoise(gpu, zipf(20), 1);
    assertClose(one.inclusion, one.probabilities, { atol: 2 ** -31, rtol: 0 });
    const counts = countDistinct(await drawMany(gpu, one, 1, 3000), 1, 20);
    assert(worstScore(counts, one.probabilities, 3000) < 4.5);
  }));

Deno.test("UniqueNoise draws the same for the same seed and number; ln q is that of inclusion / k", () =>
  withGpu(async (gpu) => {
    const [classes, k] = [300, 65];
    using noise = new UniqueNoise(gpu, zipf(classes), k);
    const draw = async (seed: number, number: number) => {
      using step = gpu.step({ seed, number });
      const target = step.upload(Uint32Array.of(0, 7, 299));
      const found = noise.sample(step, { target, noiseRatio: k, perWord: false });
      assertEquals([found.ids.shape, found.ids.idLimit, found.samples], [[k], classes, k]);
      const ids = await gpu.read(found.ids);
      const logQ = (of: ArrayLike<number>) =>
        Float64Array.from(of, (id) => Math.log(noise.inclusion[id]! / k));
      assertClose(await gpu.readFloats(found.logProb), logQ(ids));
      assertClose(await gpu.readFloats(found.targetLogProb), logQ([0, 7, 299]));
      return ids.join();
    };
    assertEquals(await draw(1, 2), await draw(1, 2));
    assertEquals(new Set([await draw(1, 2), await draw(1, 3), await draw(2, 2)]).size, 3);
  }));

Deno.test("UniqueNoise throws when k, the noise or the request does not do", () =>
  withGpu((gpu) => {
    for (const k of [0, -1, 1.5, NaN, 11]) {
      const message = `Cannot draw ${k} different ones of 10 classes`;
      assertThrows(() => new UniqueNoise(gpu, zipf(10), k), RangeError, message);
    }
    const wrong: [number[], string][] = [
      [[], "no classes"],
      [[0, 0], "every class has weight 0"],
      [[1, -1], "class 1 has weight -1"],
      [[1, NaN], "class 1 has weight NaN"],
    ];
    for (const [noise, message] of wrong) {
      assertThrows(() => new UniqueNoise(gpu, noise, 1), RangeError, message);
    }
    using noise = new UniqueNoise(gpu, zipf(10), 3);
    using step = gpu.step();
    const target = step.upload(Uint32Array.of(1));
    const request = { target, noiseRatio: 3, perWord: false };
    const four = { ...request, noiseRatio: 4 }, perWord = { ...request, perWord: true };
    assertThrows(() => noise.sample(step, four), RangeError, "made for 3");
    const layer = { embeddingDim: 2, numClasses: 10, noise, noiseRatio: 4 };
    assertThrows(() => new IndexLinear(gpu, layer), RangeError, "made for 3");
    assertThrows(() => noise.sample(step, perWord), TypeError, "it is shared");
  }));

Deno.test("a loss that wants independent draws refuses UniqueNoise by name", () =>
  withGpu((gpu) => {
    using criterion = new IndexLinear(gpu, {
      embeddingDim: 2,
      numClasses: 10,
      noise: new UniqueNoise(gpu, zipf(10), 3),
      noiseRatio: 3,
    });
    using step = gpu.step({ training: true });
    const target = step.upload(Uint32Array.of(1, 2)), input = step.upload(values(4, 1), [2, 2]);
    for (const lossType of ["nce", "mix", "neg"] as const) {
      criterion.lossType = lossType;
      const message =
        `Cannot compute loss "${lossType}": it needs independent noise; this is for "sampled"`;
      assertThrows(() => criterion.forward(step, target, input), TypeError, message);
    }
    criterion.lossType = "sampled";
    criterion.forward(step, target, input);
  }));
