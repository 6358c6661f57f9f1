// IndexLinear against the reference: losses, gradients and reductions, with injected noise.

import {
  AliasMultinomial,
  type Gpu,
  IndexLinear,
  type IndexLinearOptions,
  type LossType,
  type Noise,
  type Step,
  type Tensor,
} from "../../mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import { assertClose, flat } from "../support/close.ts";
import { GOLDEN_TOLERANCE, goldenCases } from "../support/golden.ts";
import { withBothFamilies } from "../support/gpu.ts";

interface LinearCase {
  B: number;
  N: number;
  E: number;
  V: number;
  K: number;
  noiseCounts: number[];
  embWeight: number[][];
  noiseSamples: number[][][];
  input: number[][][];
  target: number[][];
}

interface GradientCase extends LinearCase {
  perWord: boolean;
  normTerm: number | "auto";
  lossType: LossType;
  training: boolean;
  logprobNoise: number[];
  biasInit: number[];
  lossWeight: number[][];
  loss: number[][];
  gradInput: number[][][] | null;
  gradEmb: number[][] | null;
  gradBias: number[] | null;
}

/** Our names of the reference's reductions. */
const REDUCTIONS = { none: "none", elementwise_mean: "mean", sum: "sum" } as const;

interface ReductionCase extends LinearCase {
  reduction: keyof typeof REDUCTIONS;
  loss: number[][] | number;
}

/** An IndexLinear that takes the noise it is given. */
class Injected extends IndexLinear {
  samples = new Uint32Array();
  readonly alias: AliasMultinomial;
  constructor(gpu: Gpu, options: IndexLinearOptions & { noise: number[] }) {
    const alias = new AliasMultinomial(gpu, options.noise);
    super(gpu, { ...options, noise: alias });
    this.alias = alias;
  }
  override getNoise(step: Step, target: Tensor): Noise {
    const k = this.noiseRatio;
    const ids = this.perWord
      ? step.upload(this.samples, [target.size, k])
      : step.upload(this.samples.slice(0, k), [k]);
    return this.alias.noiseOf(step, target, ids);
  }
}

function make(
  gpu: Gpu,
  c: LinearCase,
  options: Partial<Omit<IndexLinearOptions, "noise">>,
): Injected {
  const criterion = new Injected(gpu, {
    embeddingDim: c.E,
    numClasses: c.V,
    noise: c.noiseCounts,
    noiseRatio: c.K,
    ...options,
  });
  criterion.samples = Uint32Array.from(flat(c.noiseSamples));
  gpu.write(criterion.weight, Float32Array.from(flat(c.embWeight)));
  return criterion;
}

function inputs(step: Step, c: LinearCase): { target: Tensor; input: Tensor } {
  const target = step.upload(Uint32Array.from(flat(c.target)), [c.B, c.N]);
  const input = step.upload(Float32Array.from(flat(c.input)), [c.B, c.N, c.E]);
  input.requiresGrad = true;
  return { target, input };
}

async function checkGradients(gpu: Gpu, c: GradientCase, name: string): Promise<void> {
  using criterion = make(gpu, c, {
    reduction: "none",
    normTerm: c.normTerm,
    perWord: c.perWord,
    lossType: c.lossType,
  });
  assertClose(await gpu.readFloats(criterion.bias), c.biasInit, GOLDEN_TOLERANCE, `${name} bias`);
  using step = gpu.step({ training: c.training });
  const { target, input } = inputs(step, c);
  const loss = criterion.forward(step, target, input);
  assertClose(await gpu.readFloats(loss), flat(c.loss), GOLDEN_TOLERANCE, `${name} loss`);
  if (!c.training) return;
  const weight = step.upload(Float32Array.from(flat(c.lossWeight)), [c.B, c.N]);
  const gradients = step.backward(weightedSum(step, loss, weight));
  const expected = [
    ["input", input, c.gradInput],
    ["weight", criterion.weight, c.gradEmb],
    ["bias", criterion.bias, c.gradBias],
  ] as const;
  for (const [what, tensor, reference] of expected) {
    const gradient = gradients.toDense(tensor);
    if (!reference) {
      if (gradient) throw new Error(`${name}: a gradient flows to ${what}`);
      continue;
    }
    if (!gradient) throw new Error(`${name}: no gradient flows to ${what}`);
    assertClose(
      await gpu.readFloats(gradient),
      flat(reference),
      GOLDEN_TOLERANCE,
      `${name} ${what}`,
    );
  }
}

Deno.test("IndexLinear gives the reference's losses and gradients", () =>
  withBothFamilies(async (gpu) => {
    for (const [i, c] of goldenCases<GradientCase>("index_linear.json").entries()) {
      const mode = c.training ? "training" : "evaluation";
      const noise = c.perWord ? "per word" : "shared";
      await checkGradients(gpu, c, `case ${i}: ${c.lossType}, ${noise}, ${mode}`);
    }
  }));

Deno.test("IndexLinear gives the reference's reductions", () =>
  withBothFamilies(async (gpu) => {
    for (const c of goldenCases<ReductionCase>("reduction.json")) {
      using criterion = make(gpu, c, { reduction: REDUCTIONS[c.reduction] });
      using step = gpu.step({ training: true });
      const { target, input } = inputs(step, c);
      const loss = await gpu.readFloats(criterion.forward(step, target, input));
      assertClose(loss, flat(c.loss), GOLDEN_TOLERANCE, c.reduction);
    }
  }));
