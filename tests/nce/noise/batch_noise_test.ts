// Batch noise (the other targets as noise), its mixture with a further source, and the rate of hits.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AliasMultinomial,
  BatchNoise,
  type Gpu,
  IndexLinear,
  type IndexLinearOptions,
  type NoiseSource,
  type Tensor,
} from "../../../mod.ts";
import { add, exclude, sum, weightedSum } from "../../../kernels/ops.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";
import { logSumExp, softplus } from "../../reference/losses.ts";

const [V, E] = [11, 3];
const COUNTS = Float64Array.from({ length: V }, (_, y) => 1 + (y * 5) % 7);
const OTHER = Float64Array.from({ length: V }, (_, y) => 1 / (1 + y));
/** Targets with a word that comes three times. */
const TARGETS = Uint32Array.of(4, 9, 4, 0, 10, 4, 2);
const N = TARGETS.length;

function make(gpu: Gpu, options: Partial<IndexLinearOptions>): IndexLinear {
  return new IndexLinear(gpu, {
    embeddingDim: E,
    numClasses: V,
    noise: COUNTS,
    noiseRatio: 5,
    normTerm: 1,
    reduction: "none",
    ...options,
  });
}

/** s(y) of every class for every row of `x`, from the layer's weights. */
async function scoresOf(gpu: Gpu, layer: IndexLinear, x: Float32Array): Promise<number[][]> {
  const [weight, bias] = [await gpu.readFloats(layer.weight), await gpu.readFloats(layer.bias)];
  return Array.from({ length: x.length / E }, (_, n) =>
    Array.from(bias, (b, y) => {
      let sum = b;
      for (let e = 0; e < E; e++) sum += x[n * E + e]! * weight[y * E + e]!;
      return sum;
    }));
}

/** Losses of the targets with the other targets as noise that `counts` says count for row n. */
function batchLosses(
  scores: number[][],
  logQ: (y: number) => number,
  samples: number,
  counts: (n: number, j: number) => boolean,
): { nce: number[]; sampled: number[] } {
  const rows = Array.from(TARGETS, (own, n) => {
    const noise = [...TARGETS].filter((_, j) => counts(n, j));
    return [own, ...noise].map((y) => scores[n]![y]! - logQ(y));
  });
  const shift = 1 + Math.log(samples);
  return {
    nce: rows.map(([own, ...noise]) =>
      softplus(shift - own!) + noise.reduce((sum, l) => sum + softplus(l - shift), 0)
    ),
    sampled: rows.map((row) => logSumExp(row) - row[0]!),
  };
}

Deno.test("BatchNoise leaves out a target's own place, and keeps equal words elsewhere", () =>
  withGpu(async (gpu) => {
    using layer = make(gpu, { noise: new BatchNoise(gpu, COUNTS) });
    const x = values(N * E, 1), scores = await scoresOf(gpu, layer, x);
    const q = layer.noise.probabilities, logQ = (y: number) => Math.log(q[y]!);
    const right = batchLosses(scores, logQ, N - 1, (n, j) => n !== j);
    const withOwn = batchLosses(scores, logQ, N - 1, () => true);
    const noEqual = batchLosses(scores, logQ, N - 1, (n, j) => TARGETS[n] !== TARGETS[j]);
    for (const lossType of ["nce", "sampled"] as const) {
      layer.lossType = lossType;
      using step = gpu.step({ training: true });
      const loss = layer.forward(step, step.upload(TARGETS), step.upload(x, [N, E]));
      const found = await gpu.readFloats(loss);
      assertClose(found, right[lossType], { atol: 4e-6 }, lossType);
      for (const wrong of [withOwn, noEqual]) {
        const apart = found.map((l, n) => Math.abs(l - wrong[lossType][n]!));
        assert(Math.max(...apart) > 0.01, `${lossType}: the test cannot tell`);
      }
    }
  }));

Deno.test("BatchNoise counts N - 1 samples from the unigram distribution, whatever k is", () =>
  withGpu(async (gpu) => {
    using noise = new BatchNoise(gpu, COUNTS);
    using step = gpu.step();
    const target = step.upload(TARGETS);
    const found = noise.sample(step, { target, noiseRatio: 500, perWord: false });
    assertEquals([...await gpu.read(found.ids)], [...TARGETS]);
    assertEquals([found.samples, found.ownSlot], [N - 1, 0]);
    const total = COUNTS.reduce((sum, n) => sum + n, 0);
    const expected = Float64Array.from(TARGETS, (y) => Math.log(COUNTS[y]! / total));
    assertClose(await gpu.readFloats(found.logProb), expected);
    assertClose(await gpu.readFloats(found.targetLogProb), expected);
  }));

Deno.test("BatchNoise with another source gives the mixture of both as ln q, of samples and targets", () =>
  withGpu(async (gpu) => {
    const k = 5, others = N - 1;
    using noise = new BatchNoise(gpu, COUNTS, new AliasMultinomial(gpu, OTHER));
    using alone = new AliasMultinomial(gpu, OTHER);
    using step = gpu.step({ seed: 2 });
    const target = step.upload(TARGETS);
    const found = noise.sample(step, { target, noiseRatio: k, perWord: false });
    const ids = await gpu.read(found.ids);
    assertEquals([ids.length, found.samples, found.ownSlot], [N + k, others + k, 0]);
    assertEquals([...ids.slice(0, N)], [...TARGETS]);
    assert(ids.every((id) => id < V) && found.ids.idLimit <= V);
    const unigram = noise.probabilities, other = alone.probabilities;
    const mixture = (of: ArrayLike<number>) =>
      Float64Array.from(of, (y) => Math.log((others * unigram[y]! + k * other[y]!) / (others + k)));
    assertClose(await gpu.readFloats(found.logProb), mixture(ids));
    assertClose(await gpu.readFloats(found.targetLogProb), mixture(TARGETS));
  }));

Deno.test("BatchNoise: nce's expected gradient over all batches is zero at s = ln p(y | x) + c", () =>
  withGpu(async (gpu) => {
    // All batches of three pairs (x, y), x one of 2 contexts and y one of 3 classes.
    const joint = [[0.1, 0.2, 0.3], [0.25, 0.1, 0.05]], size = 3;
    const unigram = [0, 1, 2].map((y) => joint[0]![y]! + joint[1]![y]!);
    const sums = joint.map((row) => row.reduce((sum, p) => sum + p, 0));
    const options = {
      embeddingDim: 2,
      numClasses: 3,
      normTerm: 1,
      noise: new BatchNoise(gpu, unigram),
      reduction: "none" as const,
    };
    using layer = new IndexLinear(gpu, options);
    gpu.write(layer.bias, new Float32Array(3));
    const gradientAt = async (constant: number) => {
      const scores = [0, 1, 2].flatMap((y) =>
        joint.map((row, x) => Math.log(row[y]! / sums[x]!) + constant)
      );
      gpu.write(layer.weight, Float32Array.from(scores));
      using step = gpu.step({ training: true });
      let total: Tensor | undefined;
      for (let batch = 0; batch < 6 ** size; batch++) {
        const cells = [batch % 6, Math.floor(batch / 6) % 6, Math.floor(batch / 36)];
        const target = Uint32Array.from(cells, (cell) => cell % 3);
        const input = Float32Array.from(cells.flatMap((cell) => cell < 3 ? [1, 0] : [0, 1]));
        const p = cells.reduce((all, cell) => all * joint[Math.floor(cell / 3)]![cell % 3]!, 1);
        const loss = layer.forward(step, step.upload(target), step.upload(input, [size, 2]));
        const part = weightedSum(step, loss, step.upload(new Float32Array(size).fill(p)));
        total = total ? add(step, total, part) : part;
      }
      const gradient = step.backward(total!).toDense(layer.weight)!;
      return Math.max(...(await gpu.readFloats(gradient)).map(Math.abs));
    };
    const [atTruth, withoutC] = [await gradientAt(1), await gradientAt(0)];
    assert(atTruth < 2e-6, `at the truth: ${atTruth}`);
    assert(withoutC > 0.05, `elsewhere: ${withoutC}`);
  }));

Deno.test("takeHits() counts samples that equal a target of weight, and no target's own place", () =>
  withGpu(async (gpu) => {
    const sources: Record<string, () => Partial<IndexLinearOptions>> = {
      shared: () => ({ noiseRatio: 33 }),
      "per word": () => ({ noiseRatio: 33, perWord: true }),
      batch: () => ({ noise: new BatchNoise(gpu, COUNTS) }),
      "batch and more": () => ({
        noise: new BatchNoise(gpu, COUNTS, new AliasMultinomial(gpu, OTHER)),
      }),
    };
    for (const [name, options] of Object.entries(sources)) {
      for (const lossType of ["nce", "sampled"] as const) {
        using layer = make(gpu, { ...options(), lossType, removeHits: true });
        let hits = 0, pairs = 0;
        for (const rows of [2, 65]) {
          using step = gpu.step({ training: true, number: rows });
          const ids = randomIds(rows, V, rows), target = step.upload(ids);
          const loss = layer.forward(step, target, step.upload(values(rows * E, 1), [rows, E]));
          const weights = Float32Array.from(ids, (_, n) => n % 3 === 1 ? 0 : n / 100 - 0.1);
          step.backward(weightedSum(step, loss, step.upload(weights)));
          const { ids: drawn, ownSlot } = layer.getNoise(step, target);
          const noise = await gpu.read(drawn), count = drawn.shape[drawn.shape.length - 1]!;
          ids.forEach((id, n) => {
            for (let i = 0; i < count; i++) {
              if (weights[n] === 0 || ownSlot !== undefined && i === ownSlot + n) continue;
              pairs++;
              if (noise[drawn.shape.length === 2 ? n * count + i : i] === id) hits++;
            }
          });
        }
        assert(hits > 0 && hits < pairs);
        const what = `${name}, ${lossType}`;
        assertEquals(await layer.takeHits(), { hits, samples: pairs }, what);
        assertEquals(await layer.takeHits(), { hits: 0, samples: 0 }, `${what}, again`);
      }
    }
  }));

Deno.test("exclude() leaves out a row's own column, from any column on, and keeps the others' scores", () =>
  withGpu(async (gpu) => {
    const [rows, columns, ownSlot] = [3, 6, 2], scores = values(rows * columns, 1);
    using step = gpu.step();
    const ids = {
      target: step.upload(new Uint32Array(rows)),
      noise: step.upload(new Uint32Array(columns)),
    };
    const given = step.upload(scores, [rows, columns]);
    const found = await gpu.readFloats(exclude(step, given, ids, { ownSlot }));
    const expected = scores.map((score, i) => {
      return i % columns === ownSlot + Math.floor(i / columns) ? -1e30 : score;
    });
    assertEquals(found, expected);
  }));

Deno.test("takeHits() does not count what is evaluated, and counts over many workgroups", () =>
  withGpu(async (gpu) => {
    const rows = 700, ids = randomIds(rows, V, 1);
    using layer = make(gpu, { noise: new BatchNoise(gpu, COUNTS) });
    const run = (training: boolean) => {
      using step = gpu.step({ training });
      const x = step.upload(values(rows * E, 1), [rows, E]);
      const loss = sum(step, layer.forward(step, step.upload(ids), x));
      if (training) step.backward(loss);
    };
    for (const lossType of ["sampled", "nce"] as const) {
      layer.lossType = lossType;
      run(false);
      assertEquals(await layer.takeHits(), { hits: 0, samples: 0 });
    }
    run(true);
    const counts = new Uint32Array(V);
    for (const id of ids) counts[id]!++;
    const hits = counts.reduce((sum, n) => sum + n * (n - 1), 0);
    const taking = layer.takeHits();
    run(true); // is not among these, nor lost
    for (const taken of [taking, layer.takeHits()]) {
      assertEquals(await taken, { hits, samples: rows * (rows - 1) });
    }
  }));

Deno.test("BatchNoise throws when counts, classes, targets or the request do not do", () =>
  withGpu((gpu) => {
    const wrong: [number[], string][] = [
      [[], "no classes"],
      [[0, 0], "every class has weight 0"],
      [[1, -2], "class 1 has weight -2"],
      [[NaN], "class 0 has weight NaN"],
      [[1, Infinity], "class 1 has weight Infinity"],
    ];
    for (const [counts, message] of wrong) {
      assertThrows(() => new BatchNoise(gpu, counts), RangeError, message);
    }
    using other = new AliasMultinomial(gpu, [1, 2, 3]);
    const twelve = () => new BatchNoise(gpu, COUNTS, other);
    assertThrows(twelve, RangeError, `over ${V} classes with noise over 3`);
    using noise: NoiseSource = new BatchNoise(gpu, COUNTS);
    using step = gpu.step();
    const one = step.upload(Uint32Array.of(3)), two = step.upload(Uint32Array.of(3, 4));
    const sample = (target: typeof one, perWord: boolean) => () =>
      noise.sample(step, { target, noiseRatio: 5, perWord });
    assertThrows(sample(one, false), RangeError, "fewer than two targets");
    assertThrows(sample(two, true), TypeError, "it is shared");
  }));

Deno.test("BatchNoise refuses ids of another source that are not known to be classes", () =>
  withGpu((gpu) => {
    const more = new AliasMultinomial(gpu, OTHER), sample = more.sample.bind(more);
    more.sample = (step, request) => ({ ...sample(step, request), ids: step.tensor([5], "u32") });
    using noise: NoiseSource = new BatchNoise(gpu, COUNTS, more);
    using step = gpu.step();
    const target = step.upload(Uint32Array.of(3, 4));
    const draw = () => noise.sample(step, { target, noiseRatio: 5, perWord: false });
    assertThrows(draw, RangeError, "BatchNoise: ids [5] were not written from the CPU; set their");
  }));

Deno.test("a criterion throws when its noise source has other classes, or its targets are no ids", () =>
  withGpu((gpu) => {
    using source = new AliasMultinomial(gpu, [1, 2, 3]);
    assertThrows(() => make(gpu, { noise: source }), RangeError, `noise has 3 classes, not ${V}`);
    assertThrows(() => make(gpu, { noiseRatio: 0 }), RangeError, "noiseRatio is 0");
    assertThrows(() => make(gpu, { selfNorm: -1 }), RangeError, "selfNorm is -1");
    assertThrows(() => make(gpu, { selfNorm: NaN }), RangeError, "selfNorm is NaN");
    using layer = make(gpu, {});
    using step = gpu.step({ training: true });
    const input = step.upload(values(E, 1), [1, E]);
    const floats = step.upload(Float32Array.of(1)), large = step.upload(Uint32Array.of(V));
    assertThrows(() => layer.forward(step, floats, input), TypeError, "targets [1] are floats");
    const message = `may be up to ${V}, which is out of range (0 to ${V - 1})`;
    assertThrows(() => layer.forward(step, large, input), RangeError, message);
  }));
