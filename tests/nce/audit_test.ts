// The gradient audit: on cases worked out by hand, and against float64 on the very noise that is drawn.

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import {
  AliasMultinomial,
  type Audit,
  auditGradient,
  BatchNoise,
  type Gpu,
  IndexGRU,
  IndexLinear,
  type IndexLinearOptions,
  type LossType,
  NCELoss,
  type NoiseRequest,
  type NoiseSource,
  type Scores,
  type Step,
  type Tensor,
  UniqueNoise,
} from "../../mod.ts";
import { Dropout } from "../../nce/nn/mod.ts";
import { sum, weightedSum } from "../../kernels/ops.ts";
import { assertClose } from "../support/close.ts";
import { withBothFamilies, withGpu } from "../support/gpu.ts";
import { randomIds, values } from "../reference/data.ts";
import { indexLinear } from "../reference/index_linear.ts";

/** Uniform noise over three classes whose one sample is known: `draws[n]` in the step of number n. */
function listedNoise(draws: readonly number[]): NoiseSource {
  const logProb = -Math.log(3);
  return {
    numClasses: 3,
    probabilities: new Float64Array(3).fill(1 / 3),
    independent: true,
    sample: (step: Step, { target }: NoiseRequest) => ({
      ids: step.upload(Uint32Array.of(draws[step.number]!)),
      logProb: step.upload(Float32Array.of(logProb)),
      targetLogProb: step.upload(new Float32Array(target.size).fill(logProb)),
      samples: 1,
    }),
    [Symbol.dispose]: () => {},
  };
}

/** The audit of a layer whose scores are 0 for each of three classes, for one target of class 0. */
async function auditOfZeros(
  gpu: Gpu,
  lossType: LossType,
  draws: readonly number[],
  normTerm: number | "auto" = "auto",
) {
  using layer = new IndexLinear(gpu, {
    embeddingDim: 2,
    numClasses: 3,
    noise: listedNoise(draws),
    noiseRatio: 1,
    lossType,
    normTerm,
  });
  gpu.write(layer.weight, new Float32Array(6));
  gpu.write(layer.bias, new Float32Array(3));
  const audit = await auditGradient(gpu, layer, (step) => {
    const target = step.upload(Uint32Array.of(0));
    return layer.forward(step, target, step.upload(Float32Array.of(1, -2), [1, 2]));
  }, { draws: draws.length });
  assertEquals(layer.lossType, lossType);
  return audit;
}

function assertAudit(found: Audit, expected: Audit, tolerance: number, what: string): void {
  for (const name of ["cosine", "bias", "variance", "length"] as const) {
    assertAlmostEquals(found[name], expected[name], tolerance, `${what}: ${name}`);
  }
}

// All scores are equal. The exact gradient of the scores is g = (-2, 1, 1) / 3; that of a sample y is
// (-1, 0, 0) / 2 with + 1 / 2 at y, for nce (G = 0) as for sampled. Those of bias and weight are its
// multiples, so that ratios of lengths are those of the scores' gradients: |g|^2 is 2 / 3.
Deno.test("auditGradient() finds what is worked out by hand for three classes", () =>
  withGpu(async (gpu) => {
    for (const lossType of ["nce", "sampled", "mix"] as const) {
      // The samples' mean is 3 / 4 g, and each has 3 / 4 of g's squared length and 3 / 4 as product with it.
      // Six have the squares of deviations 6 * 3 / 16, of which one fifth is their variance.
      const cosine = Math.sqrt(3) / 2, variance = 6 * 3 / 16 / 5;
      const bias = Math.sqrt(1 / 16 - variance / 6), length = Math.sqrt(9 / 16 - variance / 6);
      const six = await auditOfZeros(gpu, lossType, [1, 2, 2, 1, 1, 2]);
      assertAudit(six, { cosine, bias, variance, length }, 1e-6, lossType);
      const same = await auditOfZeros(gpu, lossType, [2, 2]);
      // |(-1, 0, 1) / 2 - g|^2 = (1 + 4 + 1) / 36
      const alike = { cosine, bias: 1 / 2, variance: 0, length: Math.sqrt(3) / 2 };
      assertAudit(same, alike, 1e-6, `${lossType}, the same twice`);
    }
  }));

Deno.test("auditGradient() takes a draw without a gradient for one at right angles", () =>
  withGpu(async (gpu) => {
    // A sample that equals the target takes its gradient away: the mean over all classes is g / 2. The squares of
    // deviations are 3 / 4, half of which is the variance, 3 / 8, and a third of that 1 / 8.
    const bias = Math.sqrt(1 / 4 - 1 / 8);
    const expected = { cosine: 1 / Math.sqrt(3), bias, variance: 3 / 8, length: bias };
    assertAudit(await auditOfZeros(gpu, "nce", [0, 1, 2]), expected, 1e-6, "nce");
    assertAudit(await auditOfZeros(gpu, "sampled", [2, 0, 1]), expected, 1e-6, "sampled");
  }));

/** All sequences of `length` of the classes 1 and 2. */
function sequences(length: number): number[][] {
  if (length === 0) return [[]];
  return sequences(length - 1).flatMap((begin) => [[...begin, 1], [...begin, 2]]);
}

// With c = ln 27, and so G = -ln 9 everywhere, a sample y gives (-9, 0, 0) / 10 with + 1 / 10 at y. The mean is
// (-18, 1, 1) / 20 and g is (-40, 20, 20) / 60: squared lengths are 326 / 400, 2 / 3, and 774 / 3600 of the
// difference. A sample is (0, 1, -1) / 20 from the mean.
Deno.test("auditGradient() gives on average the true bias, variance and length for any number of draws", () =>
  withGpu(async (gpu) => {
    for (const draws of [2, 3]) {
      const all: Audit[] = [];
      for (const sequence of sequences(draws)) {
        all.push(await auditOfZeros(gpu, "nce", sequence, Math.log(27)));
      }
      const meanOf = (of: (audit: Audit) => number) =>
        all.reduce((total, audit) => total + of(audit), 0) / all.length;
      const found = [
        ...[meanOf(({ bias }) => bias ** 2), meanOf(({ variance }) => variance)],
        meanOf(({ length }) => length ** 2),
      ];
      const expected = [774 / 3600, 2 / 400, 326 / 400].map((square) => square * 3 / 2);
      assertClose(found, expected, { rtol: 1e-5 }, `${draws} draws`);
    }
  }));

const [N, E, V, K, DRAWS, SEED] = [4, 3, 7, 5, 6, 9];
const NORM_TERM = 1.5;
const OPTIONS: IndexLinearOptions = {
  embeddingDim: E,
  numClasses: V,
  noise: Float64Array.from({ length: V }, (_, i) => 1 + i % 3),
  noiseRatio: K,
  normTerm: NORM_TERM,
};
const TARGET = randomIds(N, V, 1), INPUT = values(N * E, 2);

/** The audit of a layer on the targets, and the noise of each draw. */
async function auditOf(gpu: Gpu, layer: IndexLinear, number = 0) {
  const drawn: Tensor[] = [], noise: string[] = [];
  const audit = await auditGradient(gpu, layer, (step) => {
    const target = step.upload(TARGET);
    if (layer.lossType !== "full") drawn.push(step.keep(layer.getNoise(step, target).ids));
    return sum(step, layer.forward(step, target, step.upload(INPUT, [N, E])));
  }, { draws: DRAWS, seed: SEED, number });
  for (const ids of drawn) noise.push(String(await gpu.read(ids))), ids.dispose();
  return { audit, noise };
}

/**
 * The audit's definitions, of the gradients in float64 for the noise that `layer` draws, each from pairs of
 * draws: two draws are independent, so that the mean of products is the product of means.
 */
async function expectedAudit(
  gpu: Gpu,
  layer: IndexLinear,
  noise: readonly string[],
): Promise<Audit> {
  const { lossType } = layer;
  if (lossType === "neg") throw new TypeError("The reference has no such loss");
  const inputs = [INPUT, await gpu.readFloats(layer.weight), await gpu.readFloats(layer.bias)]
    .map((array) => Float64Array.from(array));
  const logProb = layer.noise.probabilities.map(Math.log);
  const gradient = (lossType: "full" | "nce" | "sampled" | "mix", noise: ArrayLike<number>) => {
    const problem = { target: TARGET, noise, noiseRatio: K, logProb, normTerm: NORM_TERM };
    const oracle = indexLinear({ ...problem, lossType, training: true, width: E });
    const part = layer.reduction === "mean" ? 1 / N : 1;
    const [, dWeight, dBias] = oracle(...inputs).backward(new Float64Array(N).fill(part));
    return [...dWeight!, ...dBias!];
  };
  const exact = gradient("full", []);
  const sampled = noise.map((ids) => gradient(lossType, ids.split(",").map(Number)));
  const meanOf = (numbers: readonly number[]) =>
    numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const length = (a: readonly number[]) => Math.hypot(...a);
  const minus = (a: readonly number[], b: readonly number[]) => a.map((x, i) => x - b[i]!);
  const product = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  const overPairs = (of: (a: readonly number[], b: readonly number[]) => number) =>
    meanOf(sampled.flatMap((a, i) => sampled.slice(0, i).map((b) => of(a, b)))) /
    length(exact) ** 2;
  return {
    cosine: meanOf(sampled.map((one) => product(one, exact) / length(one) / length(exact))),
    bias: Math.sqrt(overPairs((a, b) => product(minus(a, exact), minus(b, exact)))),
    variance: overPairs((a, b) => length(minus(a, b)) ** 2 / 2),
    length: Math.sqrt(overPairs(product)),
  };
}

Deno.test("auditGradient() agrees with float64 for every loss, reduction and kind of noise", () =>
  withGpu(async (gpu) => {
    const cases: Partial<IndexLinearOptions>[] = [
      { lossType: "nce" },
      { lossType: "sampled", reduction: "sum" },
      { lossType: "mix", reduction: "none" },
      { lossType: "nce", perWord: true },
    ];
    for (const given of cases) {
      using layer = new IndexLinear(gpu, { ...OPTIONS, ...given });
      const { audit, noise } = await auditOf(gpu, layer);
      const expected = await expectedAudit(gpu, layer, noise);
      assertAudit(audit, expected, 1e-5, JSON.stringify(given));
    }
  }));

Deno.test("auditGradient() finds no error in an exact sampler, whatever the dropout", () =>
  withBothFamilies(async (gpu) => {
    for (const dropout of [0, 0.5]) {
      const drop = new Dropout(dropout, "drop"), weight = [0.5, 0, 0.25, 0.25];
      using model = new IndexGRU(gpu, {
        ...{ numClasses: V, embeddingDim: E, hiddenSize: E, dropout },
        ...{ noise: new UniqueNoise(gpu, [1, 2, 3, 4, 5, 6, 7], V), noiseRatio: V },
        ...{ lossType: "sampled", removeHits: true, reduction: "none" },
      });
      const found = await auditGradient(gpu, model, (step) => {
        const context = drop.forward(step, step.upload(INPUT, [2, 2, E]));
        const loss = model.forward(step, step.upload(TARGET), context);
        return weightedSum(step, loss, step.upload(Float32Array.from(weight)));
      }, { draws: 3 });
      const exact = { cosine: 1, bias: 0, variance: 0, length: 1 };
      assertAudit(found, exact, 1e-5, `dropout ${dropout}`);
    }
  }));

Deno.test("auditGradient() measures a cosine alone where the batch is the noise", () =>
  withGpu(async (gpu) => {
    const counts = new Float32Array(V).fill(1);
    for (const more of [undefined, new AliasMultinomial(gpu, counts)]) {
      const noise = new BatchNoise(gpu, counts, more);
      using layer = new IndexLinear(gpu, { ...OPTIONS, noise });
      const { audit: { cosine, ...rest } } = await auditOf(gpu, layer);
      assert(cosine > 0 && cosine < 1, String(cosine));
      assertEquals(rest, { bias: NaN, variance: NaN, length: NaN });
    }
  }));

Deno.test("auditGradient() draws other noise in each audit, and none of the training steps'", () =>
  withGpu(async (gpu) => {
    using layer = new IndexLinear(gpu, { ...OPTIONS, noiseRatio: 50 });
    const [first, again, next] = [
      await auditOf(gpu, layer, 7),
      await auditOf(gpu, layer, 7),
      await auditOf(gpu, layer, 8),
    ];
    assertEquals(again, first);
    const trained: string[] = [];
    for (let number = 0; number < DRAWS; number++) {
      using step = gpu.step({ training: true, seed: SEED, number });
      trained.push(String(await gpu.read(layer.getNoise(step, step.upload(TARGET)).ids)));
    }
    assertEquals(new Set([...first.noise, ...next.noise, ...trained]).size, 3 * DRAWS);
  }));

/** A criterion that cannot score all classes. */
class Narrow extends NCELoss<[Tensor]> {
  override getScore(step: Step, target: Tensor, noise: Tensor): Scores {
    return {
      target: step.upload(new Float32Array(target.size)),
      noise: step.upload(new Float32Array(target.size * noise.size), [target.size, noise.size]),
    };
  }
}

Deno.test("auditGradient() refuses an exact loss and a scorer of some classes, and leaves the loss", () =>
  withGpu(async (gpu) => {
    using layer = new IndexLinear(gpu, { ...OPTIONS, lossType: "full" });
    using narrow = new Narrow(gpu, { noise: [1, 2, 3] });
    const audit = (criterion: NCELoss<[Tensor]>) =>
      auditGradient(gpu, criterion, (step) => {
        return criterion.forward(
          step,
          step.upload(Uint32Array.of(1)),
          step.upload(values(E, 1), [1, E]),
        );
      });
    await assertRejects(() => audit(layer), TypeError, 'Cannot audit loss "full": it is exact');
    await assertRejects(() => audit(narrow), TypeError, "Narrow has no scoreAllClasses()");
    const none = () => auditGradient<[Tensor]>(gpu, narrow, () => null as never);
    await assertRejects(none, TypeError, "loss is null, not a tensor");
    assertEquals([layer.lossType, narrow.lossType], ["full", "nce"]);
  }));
