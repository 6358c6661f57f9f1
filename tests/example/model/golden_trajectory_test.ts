// Six training steps of the word language model against the reference, with injected noise.

import { assert, assertNotEquals } from "@std/assert";
import { LanguageModel, type WordModelOptions } from "../../../example/model/model.ts";
import type { Tuning } from "../../../kernels/mod.ts";
import type { AliasMultinomial, Gpu, LossType, Noise, Step, Tensor } from "../../../mod.ts";
import { NEVER } from "../../../kernels/device/tuning.ts";
import { SGD } from "../../../nce/nn/mod.ts";
import { weightedSum } from "../../../kernels/ops.ts";
import { assertClose, flat } from "../../support/close.ts";
import { GOLDEN_TOLERANCE, goldenCases, timeMajor } from "../../support/golden.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";

interface TrajectoryStep {
  input: number[][];
  target: number[][];
  length: number[];
  noiseSamples: number[][][];
  loss: number;
  gradNorm: number;
  clippedGrads?: Record<string, unknown>;
}

interface Trajectory {
  B: number;
  T: number;
  E: number;
  H: number;
  K: number;
  nlayers: number;
  lossType: LossType;
  perWord: boolean;
  normTerm: number | "auto";
  lr: number;
  momentum: number;
  weightDecay: number;
  clip: number;
  noiseCounts: number[];
  init: Record<string, unknown>;
  steps: TrajectoryStep[];
  final: Record<string, unknown>;
}

/** The model with the noise of the reference's step in place of its own. */
function makeModel(gpu: Gpu, c: Trajectory, noise: { samples: number[][] }): LanguageModel {
  const options: WordModelOptions = {
    numWords: c.noiseCounts.length,
    emsize: c.E,
    nhid: c.H,
    nlayers: c.nlayers,
    dropout: 0,
    noise: c.noiseCounts,
    noiseRatio: c.K,
    normTerm: c.normTerm,
    lossType: c.lossType,
    perWord: c.perWord,
    seed: 1,
  };
  const model = new LanguageModel(gpu, options);
  const alias = model.criterion.noise as AliasMultinomial;
  model.criterion.getNoise = (step: Step, target: Tensor): Noise => {
    const ids = c.perWord
      ? step.upload(Uint32Array.from(flat(noise.samples)), [c.B * c.T, c.K])
      : step.upload(Uint32Array.from(noise.samples[0]!));
    return alias.noiseOf(step, target, ids);
  };
  for (const [name, parameter] of model.parameters()) {
    gpu.write(parameter, Float32Array.from(flat(c.init[name])));
  }
  return model;
}

async function checkStep(
  gpu: Gpu,
  c: Trajectory,
  model: LanguageModel,
  optimizer: SGD,
  noise: { samples: number[][] },
  i: number,
): Promise<void> {
  const expected = c.steps[i]!, name = `${c.lossType}, step ${i}`;
  noise.samples = timeMajor(expected.noiseSamples);
  using step = gpu.step({ training: true });
  const input = step.upload(Uint32Array.from(timeMajor(expected.input)), [c.T, c.B]);
  const target = step.upload(Uint32Array.from(timeMajor(expected.target)), [c.T, c.B]);
  const tokens = expected.length.reduce((sum, n) => sum + n, 0);
  const mask = timeMajor(
    expected.length.map((n) => Array.from({ length: c.T }, (_, t) => t < n ? 1 / tokens : 0)),
  );
  const { loss } = model.forward(step, input, target);
  const total = weightedSum(step, loss, step.upload(Float32Array.from(mask)));
  const gradients = step.backward(total);
  optimizer.step(gradients);
  // From step 1 on, the parameters differ by what their tolerance allows.
  const tolerance = i === 0 ? GOLDEN_TOLERANCE : { atol: 0, rtol: 2e-3 };
  assertClose(await gpu.readFloats(total), [expected.loss], tolerance, `${name} loss`);
  const [norm, scale] = await gpu.readFloats(optimizer.norm);
  assertClose([norm!], [expected.gradNorm], tolerance, `${name} gradient norm`);
  if (!expected.clippedGrads) return;
  for (const [parameterName, parameter] of model.parameters()) {
    const gradient = await gpu.readFloats(gradients.toDense(parameter)!);
    const clipped = gradient.map((g) => g * scale!);
    const reference = flat(expected.clippedGrads[parameterName]);
    assertClose(clipped, reference, GOLDEN_TOLERANCE, `${name} gradient of ${parameterName}`);
  }
}

const CASES = goldenCases<Trajectory>("trajectory.json");

/** Checks these trajectories; returns the final parameters. */
async function checkTrajectories(gpu: Gpu, cases: readonly Trajectory[]): Promise<Float32Array[]> {
  const final: Float32Array[] = [];
  for (const c of cases) {
    const noise = { samples: [] as number[][] };
    assert(c.steps[0]?.clippedGrads, `${c.lossType}: no gradients to compare`);
    using model = makeModel(gpu, c, noise);
    const { lr, momentum, weightDecay, clip } = c;
    using optimizer = new SGD(gpu, model.parameters(), { lr, momentum, weightDecay, clip });
    for (let i = 0; i < c.steps.length; i++) await checkStep(gpu, c, model, optimizer, noise, i);
    for (const [name, parameter] of model.parameters()) {
      const reference = flat(c.final[name]);
      const tolerance = { atol: 2e-5, rtol: 2e-3 };
      const values = await gpu.readFloats(parameter);
      assertClose(values, reference, tolerance, `${c.lossType} final ${name}`);
      final.push(values);
    }
  }
  return final;
}

Deno.test("LanguageModel follows the reference's training steps", () =>
  withBothFamilies(async (gpu) => void await checkTrajectories(gpu, CASES)));

/** Between them, these choose every variant: both tiles, whole and split sums, both kinds of layers. */
const TUNINGS: readonly Tuning[] = [
  { tallFrom: 0, busy: 0, minDepth: NEVER, longBusy: 0, wholeRows: 0, wholeUnits: 0 },
  {
    tallFrom: NEVER,
    busy: NEVER,
    minDepth: 0,
    longBusy: NEVER,
    wholeRows: NEVER,
    wholeUnits: NEVER,
  },
];

Deno.test("LanguageModel follows the reference's training steps with every variant of kernels", () =>
  withGpu(async (gpu) => {
    const found: Float32Array[][] = [];
    for (const tuning of TUNINGS) {
      gpu.tuning = tuning;
      found.push(await checkTrajectories(gpu, CASES.slice(0, 1)));
    }
    assertNotEquals(found[0], found[1]); // else they would be one variant
  }, { family: "hardware" }));
