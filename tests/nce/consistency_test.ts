// Consistency: at the true model, the exact expectation of the gradient is zero where theory says so.
// In float64 by enumeration of all draws, and for the library by the same draws as one batch.

import { assert } from "@std/assert";
import {
  type Gpu,
  type LossType,
  NCELoss,
  type NCEOptions,
  type Noise,
  type NoiseSource,
  type Scores,
  type Step,
  type Tensor,
} from "../../mod.ts";
import type { NamedParameter } from "../../nce/nn/mod.ts";
import { exclude, gather, logPartition, weightedSum } from "../../kernels/ops.ts";
import { assertClose } from "../support/close.ts";
import { withGpu } from "../support/gpu.ts";
import { distribution, type Draws, enumerate, expectation } from "../reference/consistency.ts";
import { values } from "../reference/data.ts";
import { nceLoss, sampledLoss, sigmoid } from "../reference/losses.ts";
import type { Oracle } from "../reference/oracle.ts";

const NORM_TERM = 1.7;
const ZERO = 1e-14, FAR = 1e-3;

/** Several contexts' distributions over `classes` classes, and a noise distribution. */
function joint(classes: number): { conditionals: Float64Array[]; q: Float64Array } {
  const positive = (seed: number) => distribution(values(classes, seed, 2).map(Math.exp));
  return { conditionals: [1, 2, 3].map(positive), q: positive(9) };
}

const logs = (p: ArrayLike<number>) => Float64Array.from(p, Math.log);
const plus = (a: Float64Array, b: number) => a.map((x) => x + b);
const size = (gradient: Float64Array) => Math.max(...gradient.map(Math.abs));

/** ln q of a batch's targets and samples; 0 for what is not corrected. */
function logProbs({ target, noise }: Draws, q: Float64Array, { target: corrected = true } = {}) {
  const of = (ids: Uint32Array) => Float64Array.from(ids, (id) => Math.log(q[id]!));
  return { target: corrected ? of(target) : new Float64Array(target.length), noise: of(noise) };
}

Deno.test("nce: the expected gradient is zero at s = ln p + c for any k, in 3 contexts of 50 classes", () => {
  const { conditionals, q } = joint(50);
  for (const p of conditionals) {
    const atTruth = plus(logs(p), NORM_TERM);
    for (const k of [1, 2, 5, 25, 500]) {
      const gradient = p.map((_, y) => {
        const G = atTruth[y]! - NORM_TERM - Math.log(q[y]!) - Math.log(k);
        return p[y]! * (sigmoid(G) - 1) + k * q[y]! * sigmoid(G);
      });
      assert(size(gradient) < ZERO, `k = ${k}, by formula: ${size(gradient)}`);
      if (k > 2) continue;
      const draws = enumerate(p, q, k);
      const found = expectation(draws, atTruth, nceLoss(logProbs(draws, q), NORM_TERM));
      assert(size(found.gradient) < ZERO, `k = ${k}: ${size(found.gradient)}`);
      const off = expectation(draws, plus(atTruth, 0.1), nceLoss(logProbs(draws, q), NORM_TERM));
      assert(size(off.gradient) > FAR, "nce pins the constant down");
    }
  }
});

Deno.test("sampled with hits kept: the expected gradient is zero at s = ln p + any constant, for any k", () => {
  for (const [classes, ks] of [[50, [1, 2]], [7, [3, 4]]] as const) {
    const { conditionals, q } = joint(classes);
    for (const p of conditionals) {
      for (const k of ks) {
        const draws = enumerate(p, q, k), oracle = sampledLoss(logProbs(draws, q));
        for (const constant of [0, NORM_TERM, -8]) {
          const { gradient } = expectation(draws, plus(logs(p), constant), oracle);
          assert(size(gradient) < ZERO, `V = ${classes}, k = ${k}: ${size(gradient)}`);
        }
      }
    }
  }
});

Deno.test("nce without hits has its optimum at the log odds ln(p / (1 - p)), not at ln p", () => {
  const { conditionals: [p], q } = joint(7);
  for (const k of [1, 3]) {
    const draws = enumerate(p!, q, k), oracle = nceLoss(logProbs(draws, q), NORM_TERM);
    const at = (scores: Float64Array) =>
      size(expectation(draws, plus(scores, NORM_TERM), oracle, { removeHits: true }).gradient);
    assert(at(p!.map((x) => Math.log(x / (1 - x)))) < ZERO);
    assert(at(logs(p!)) > FAR);
  }
});

Deno.test("nce without ln k has its optimum at ln p - ln k", () => {
  const { conditionals: [p], q } = joint(7), k = 3;
  const draws = enumerate(p!, q, k), oracle = nceLoss(logProbs(draws, q), NORM_TERM - Math.log(k));
  const at = (shift: number) =>
    size(expectation(draws, plus(logs(p!), NORM_TERM + shift), oracle).gradient);
  assert(at(-Math.log(k)) < ZERO);
  assert(at(0) > FAR);
});

Deno.test("sampled is off at the true model when hits are removed (k > 1) or the target is not corrected", () => {
  const { conditionals: [p], q } = joint(4);
  for (const k of [1, 3]) {
    const draws = enumerate(p!, q, k), truth = logs(p!);
    const removed = expectation(draws, truth, sampledLoss(logProbs(draws, q)), {
      removeHits: true,
    });
    const g = size(removed.gradient);
    assert(k === 1 ? g < ZERO : g > FAR, `k = ${k}: ${g}`); // one hit alone has no gradient anyway
    const raw = sampledLoss(logProbs(draws, q, { target: false }));
    assert(size(expectation(draws, truth, raw).gradient) > FAR);
  }
});

Deno.test("neg has its optimum at ln(p / (k q)), not at ln p", () => {
  const { conditionals: [p], q } = joint(7), k = 3;
  const draws = enumerate(p!, q, k);
  const none = { target: new Float64Array(7 ** 4), noise: new Float64Array(3 * 7 ** 4) };
  const oracle = nceLoss(none, -Math.log(k)); // takes back the ln k that the oracle subtracts
  const at = (scores: Float64Array) => size(expectation(draws, scores, oracle).gradient);
  assert(at(p!.map((x, y) => Math.log(x / (k * q[y]!)))) < ZERO);
  assert(at(logs(p!)) > FAR);
});

/** Noise that was enumerated: rows of samples, and whatever ln q and k it is told. */
class EnumeratedNoise implements NoiseSource {
  readonly numClasses: number;
  readonly independent = true;
  constructor(
    readonly draws: Draws,
    readonly probabilities: Float64Array,
    readonly wrong: { samples?: number; target?: boolean } = {},
  ) {
    this.numClasses = probabilities.length;
  }

  sample(step: Step): Noise {
    const { draws, wrong } = this, rows = draws.target.length, k = draws.samples;
    const { target, noise } = logProbs(draws, this.probabilities, wrong);
    return {
      ids: step.upload(draws.noise, [rows, k]),
      logProb: step.upload(Float32Array.from(noise), [rows, k]),
      targetLogProb: step.upload(Float32Array.from(target)),
      samples: wrong.samples ?? k,
    };
  }

  [Symbol.dispose](): void {}
}

/** A score for each class, whatever the context; takes hits out itself if it is told to. */
class TableScorer extends NCELoss<[]> {
  readonly table: Tensor;

  constructor(gpu: Gpu, scores: Float64Array, options: NCEOptions, readonly withoutHits = false) {
    super(gpu, { normTerm: NORM_TERM, reduction: "none", ...options });
    this.table = gpu.tensor([scores.length], Float32Array.from(scores));
    this.table.requiresGrad = true;
  }

  override getScore(step: Step, target: Tensor, noise: Tensor): Scores {
    const scores = gather(step, this.table, noise);
    return {
      target: gather(step, this.table, target),
      noise: this.withoutHits ? exclude(step, scores, { target, noise }, { hits: true }) : scores,
    };
  }

  override parameters(): NamedParameter[] {
    return [["table", this.table]];
  }
}

/** One way of learning p from draws, with the scores to look at and the loss in float64. */
interface Learner {
  readonly lossType: LossType;
  readonly scores: Float64Array;
  readonly oracle: (draws: Draws) => Oracle;
  readonly removeHits?: boolean;
  readonly wrong?: { samples?: number; target?: boolean };
}

/** Checks losses and expected gradient against float64, and says how large the library's gradient is. */
async function check(gpu: Gpu, learner: Learner, draws: Draws, q: Float64Array): Promise<number> {
  const { lossType, scores, oracle, removeHits = false, wrong = {} } = learner;
  const noise = new EnumeratedNoise(draws, q, wrong);
  const options = { noise, lossType, removeHits: removeHits && lossType === "sampled" };
  using criterion = new TableScorer(gpu, scores, options, removeHits && lossType !== "sampled");
  using step = gpu.step({ training: true });
  const losses = criterion.forward(step, step.upload(draws.target));
  const expected = expectation(draws, scores, oracle(draws), { removeHits });
  assertClose(await gpu.readFloats(losses), expected.losses, { atol: 4e-6 }, `${lossType}, losses`);
  const weight = step.upload(Float32Array.from(draws.probability));
  const gradients = step.backward(weightedSum(step, losses, weight));
  const gradient = await gpu.readFloats(gradients.toDense(criterion.table)!);
  assertClose(gradient, expected.gradient, { atol: 1e-6, rtol: 1e-5 }, `${lossType}, gradient`);
  return size(Float64Array.from(gradient));
}

Deno.test("the library's losses over all draws are the oracle's, and zero their gradients where theory does", () =>
  withGpu(async (gpu) => {
    const k = 3, { conditionals, q } = joint(7);
    for (const p of conditionals) {
      const draws = enumerate(p, q, k), truth = plus(logs(p), NORM_TERM), lnK = Math.log(k);
      const nce = (d: Draws) => nceLoss(logProbs(d, q), NORM_TERM);
      const sampled = (d: Draws) => sampledLoss(logProbs(d, q));
      const odds = p.map((x) => Math.log(x / (1 - x)) + NORM_TERM);
      const none = { target: new Float64Array(7 ** 4), noise: new Float64Array(3 * 7 ** 4) };
      const neg = () => nceLoss(none, -lnK);
      const withoutLnK = (d: Draws) => nceLoss(logProbs(d, q), NORM_TERM - lnK);
      const raw = (d: Draws) => sampledLoss(logProbs(d, q, { target: false }));
      const zero: Learner[] = [
        { lossType: "nce", scores: truth, oracle: nce },
        { lossType: "sampled", scores: truth, oracle: sampled },
        { lossType: "nce", scores: odds, oracle: nce, removeHits: true },
        { lossType: "neg", scores: p.map((x, y) => Math.log(x / (k * q[y]!))), oracle: neg },
        { lossType: "nce", scores: plus(truth, -lnK), oracle: withoutLnK, wrong: { samples: 1 } },
      ];
      for (const learner of zero) assert(await check(gpu, learner, draws, q) < 1e-6);
      const far: Learner[] = [
        { lossType: "nce", scores: truth, oracle: nce, removeHits: true },
        { lossType: "sampled", scores: truth, oracle: sampled, removeHits: true },
        { lossType: "nce", scores: truth, oracle: withoutLnK, wrong: { samples: 1 } },
        { lossType: "sampled", scores: truth, oracle: raw, wrong: { target: false } },
        { lossType: "neg", scores: truth, oracle: neg },
      ];
      for (const learner of far) assert(await check(gpu, learner, draws, q) > FAR);
    }
  }));

Deno.test("logPartition() estimates Z without bias", () =>
  withGpu(async (gpu) => {
    const k = 3, { conditionals: [p], q } = joint(7);
    const draws = enumerate(p!, q, k), scores = values(7, 4, 2);
    using noise = new EnumeratedNoise(draws, q);
    using step = gpu.step();
    const { logProb, targetLogProb, ids } = noise.sample(step);
    const table = step.upload(scores);
    const logZ = logPartition(step, {
      target: gather(step, table, step.upload(draws.target)),
      noise: gather(step, table, ids),
      targetLogProb,
      noiseLogProb: logProb,
    });
    const estimates = await gpu.readFloats(logZ);
    const mean = draws.probability.reduce((sum, p, i) => sum + p * Math.exp(estimates[i]!), 0);
    assertClose([mean], [scores.reduce((sum, s) => sum + Math.exp(s), 0)], { rtol: 1e-5 });
  }));
