// The gradient audit: on cases worked out by hand, and against float64 on the very noise that is drawn.

import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import {
  type Audit,
  auditGradient,
  type Gpu,
  IndexLinear,
  type IndexLinearOptions,
  type LossType,
  NCELoss,
  type NoiseRequest,
  type NoiseSource,
  type Scores,
  type Step,
  type Tensor,
} from "../../mod.ts";
import { withGpu } from "../support/gpu.ts";
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

/** The audit of a layer of weights 0 over three classes, for one target of class 0. */
async function auditOfZeros(gpu: Gpu, lossType: LossType, draws: readonly number[]) {
  using layer = new IndexLinear(gpu, {
    embeddingDim: 2,
    numClasses: 3,
    noise: listedNoise(draws),
    noiseRatio: 1,
    lossType,
  });
  gpu.write(layer.weight, new Float32Array(6));
  const audit = await auditGradient(
    gpu,
    layer,
    (step) => [step.upload(Uint32Array.of(0)), step.upload(Float32Array.of(1, -2), [1, 2])],
    { draws: draws.length },
  );
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
      // The samples' mean is 3 / 4 g; each has the length 1 / sqrt(2) and the product 1 / 2 with g.
      const others = await auditOfZeros(gpu, lossType, [1, 2]);
      const expected = { cosine: Math.sqrt(3) / 2, bias: 1 / 4, variance: 3 / 16, length: 3 / 4 };
      assertAudit(others, expected, 1e-6, lossType);
      const again = await auditOfZeros(gpu, lossType, [2, 1, 2, 1]);
      assertAudit(again, expected, 1e-6, `${lossType}, twice`);
      const single = await auditOfZeros(gpu, lossType, [2]);
      // |(-1, 0, 1) / 2 - g|^2 = (1 + 4 + 1) / 36
      const alone = {
        cosine: Math.sqrt(3) / 2,
        bias: 1 / 2,
        variance: 0,
        length: Math.sqrt(3) / 2,
      };
      assertAudit(single, alone, 1e-6, `${lossType}, once`);
    }
  }));

Deno.test("auditGradient() takes a draw without a gradient for one at right angles", () =>
  withGpu(async (gpu) => {
    // A sample that equals the target takes its gradient away: the mean over all classes is g / 2.
    const expected = { cosine: 1 / Math.sqrt(3), bias: 1 / 2, variance: 1 / 4, length: 1 / 2 };
    assertAudit(await auditOfZeros(gpu, "nce", [0, 1, 2]), expected, 1e-6, "nce");
    assertAudit(await auditOfZeros(gpu, "sampled", [2, 0, 1]), expected, 1e-6, "sampled");
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

/** The audit's definitions, of the gradients in float64 for the noise that `layer` draws. */
async function expectedAudit(gpu: Gpu, layer: IndexLinear): Promise<Audit> {
  const { lossType } = layer;
  if (lossType === "neg") throw new TypeError("The reference has no such loss");
  const inputs = [INPUT, await gpu.readFloats(layer.weight), await gpu.readFloats(layer.bias)]
    .map((array) => Float64Array.from(array));
  const logProb = layer.noise.probabilities.map(Math.log);
  const gradient = (lossType: "full" | "nce" | "sampled" | "mix", noise: ArrayLike<number>) => {
    const problem = { target: TARGET, noise, noiseRatio: K, logProb, normTerm: NORM_TERM };
    const oracle = indexLinear({ ...problem, lossType, training: true, width: E });
    const part = layer.reduction === "elementwise_mean" ? 1 / N : 1;
    const [, dWeight, dBias] = oracle(...inputs).backward(new Float64Array(N).fill(part));
    return [...dWeight!, ...dBias!];
  };
  const exact = gradient("full", []), sampled: number[][] = [];
  for (let number = 0; number < DRAWS; number++) {
    using step = gpu.step({ training: true, seed: SEED, number });
    const { ids } = layer.getNoise(step, step.upload(TARGET));
    sampled.push(gradient(lossType, await gpu.read(ids)));
  }
  const meanOf = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / DRAWS;
  const mean = exact.map((_, i) => meanOf(sampled.map((one) => one[i]!)));
  const length = (a: readonly number[]) => Math.hypot(...a);
  const minus = (a: readonly number[], b: readonly number[]) => a.map((x, i) => x - b[i]!);
  const product = (a: readonly number[]) => a.reduce((sum, x, i) => sum + x * exact[i]!, 0);
  return {
    cosine: meanOf(sampled.map((one) => product(one) / length(one) / length(exact))),
    bias: length(minus(mean, exact)) / length(exact),
    variance: meanOf(sampled.map((one) => length(minus(one, mean)) ** 2)) / length(exact) ** 2,
    length: length(mean) / length(exact),
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
      const found = await auditGradient(
        gpu,
        layer,
        (step) => [step.upload(TARGET), step.upload(INPUT, [N, E])],
        { draws: DRAWS, seed: SEED },
      );
      assertAudit(found, await expectedAudit(gpu, layer), 1e-5, JSON.stringify(given));
    }
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
      auditGradient(gpu, criterion, (step) => [
        step.upload(Uint32Array.of(1)),
        step.upload(values(E, 1), [1, E]),
      ]);
    await assertRejects(() => audit(layer), TypeError, 'Cannot audit loss "full": it is exact');
    await assertRejects(() => audit(narrow), TypeError, "Narrow has no scoreAllClasses()");
    const none = () => auditGradient<[Tensor]>(gpu, narrow, () => null as never);
    await assertRejects(none, TypeError, "inputs() are null, not an array");
    assertEquals([layer.lossType, narrow.lossType], ["full", "nce"]);
  }));
