// Gradients of every loss, for every kind of noise and two scorers, against finite differences in float64.

import {
  AliasMultinomial,
  BatchNoise,
  type Gpu,
  IndexLinear,
  type LossType,
  NCELoss,
  type NCEOptions,
  type Scores,
  type Step,
  Tensor,
  UniqueNoise,
} from "../../mod.ts";
import {
  gather,
  indexScore,
  linear,
  linearScorer,
  tanh,
  type TileScorer,
  weightedSum,
} from "../../kernels/ops.ts";
import { assertClose } from "../support/close.ts";
import { withGpu } from "../support/gpu.ts";
import { values } from "../reference/data.ts";
import { type Contrast, contrastLosses } from "../reference/contrast.ts";
import { centralDifferences } from "../reference/oracle.ts";

const [E, H, V, K] = [3, 4, 9, 6];
const COUNTS = Float64Array.from({ length: V }, (_, y) => 1 + (y * 5) % 7);
/** A word comes twice, so that batch noise has hits. */
const TARGETS = Uint32Array.of(4, 8, 4, 0, 3);
const N = TARGETS.length;
const TOLERANCE = { atol: 4e-6, rtol: 2e-5 };

/** `s(y) = tanh(x hidden^T) . table[y] + bias[y]`, written with public operations. */
class Tower extends NCELoss<[Tensor]> {
  readonly hidden: Tensor;
  readonly table: Tensor;
  readonly bias: Tensor;

  constructor(gpu: Gpu, options: NCEOptions) {
    super(gpu, options);
    const parameter = (name: string, ...shape: number[]) =>
      this.parameter(gpu, name, shape, { range: 0 });
    this.hidden = parameter("hidden", H, E);
    this.table = parameter("table", V, H);
    this.bias = parameter("bias", V);
  }

  #top(step: Step, x: Tensor): Tensor {
    return tanh(step, linear(step, x, this.hidden));
  }

  override getScore(step: Step, target: Tensor, noise: Tensor, x: Tensor): Scores {
    const top = this.#top(step, x), { table, bias } = this;
    return {
      target: indexScore(step, top, table, bias, target),
      noise: noise.shape.length === 2
        ? indexScore(step, top, table, bias, noise)
        : linear(step, top, gather(step, table, noise), gather(step, bias, noise)),
    };
  }

  override scoreAllClasses(step: Step, x: Tensor): TileScorer {
    return linearScorer(step, this.#top(step, x), this.table, this.bias);
  }
}

/** A criterion, and its score in float64 from the values of x and of its parameters. */
interface Scorer {
  make(gpu: Gpu, options: NCEOptions): NCELoss<[Tensor]>;
  score(x: Float64Array, parameters: readonly Float64Array[]): (n: number, y: number) => number;
}

function dot(a: Float64Array, i: number, b: Float64Array, j: number, width: number): number {
  let sum = 0;
  for (let e = 0; e < width; e++) sum += a[i * width + e]! * b[j * width + e]!;
  return sum;
}

const SCORERS: Record<string, Scorer> = {
  IndexLinear: {
    make: (gpu, options) => new IndexLinear(gpu, { embeddingDim: E, numClasses: V, ...options }),
    score: (x, [weight, bias]) => (n, y) => bias![y]! + dot(x, n, weight!, y, E),
  },
  "a custom scorer": {
    make: (gpu, options) => new Tower(gpu, options),
    score: (x, [hidden, table, bias]) => {
      const top = Float64Array.from(
        { length: N * H },
        (_, i) => Math.tanh(dot(x, Math.floor(i / H), hidden!, i % H, E)),
      );
      return (n, y) => bias![y]! + dot(top, n, table!, y, H);
    },
  },
};

const NOISE: Record<string, (gpu: Gpu) => NCEOptions> = {
  shared: () => ({ noise: COUNTS, noiseRatio: K }),
  "per word": () => ({ noise: COUNTS, noiseRatio: K, perWord: true }),
  batch: (gpu) => ({ noise: new BatchNoise(gpu, COUNTS) }),
  "batch and more": (gpu) => ({
    noise: new BatchNoise(gpu, COUNTS, new AliasMultinomial(gpu, COUNTS.toReversed())),
    noiseRatio: K,
  }),
  unique: (gpu) => ({ noise: new UniqueNoise(gpu, COUNTS, K), noiseRatio: K }),
};

type Extra = Pick<NCEOptions, "normTerm" | "selfNorm" | "removeHits">;

/** The oracle's constants: what noise the criterion draws in this step. */
async function contrastOf(
  gpu: Gpu,
  step: Step,
  criterion: NCELoss<[Tensor]>,
  target: Tensor,
  { selfNorm, removeHits }: Extra,
): Promise<Contrast> {
  const noise = criterion.getNoise(step, target);
  const [ids, noiseLogProb, targetLogProb] = await Promise.all(
    [noise.ids, noise.logProb, noise.targetLogProb].map((tensor) => gpu.read(tensor)),
  );
  return {
    lossType: criterion.lossType,
    classes: V,
    target: TARGETS,
    noise: ids!,
    count: noise.ids.shape[noise.ids.shape.length - 1]!,
    noiseLogProb: noiseLogProb!,
    targetLogProb: targetLogProb!,
    samples: noise.samples,
    ownSlot: noise.ownSlot,
    removeHits,
    selfNorm,
  };
}

/** Throws unless loss and all gradients, that of a learned norm term too, agree with float64. */
async function check(gpu: Gpu, scorer: Scorer, options: NCEOptions, extra: Extra, what: string) {
  using criterion = scorer.make(gpu, { normTerm: 1.25, reduction: "none", ...options, ...extra });
  const learned = criterion.normTerm instanceof Tensor;
  const parameters = criterion.parameters().map(([, parameter]) => parameter);
  const data = parameters.map(({ size }, i) => values(size, i + 2));
  parameters.forEach((parameter, i) => gpu.write(parameter, data[i]!));
  using step = gpu.step({ training: true, seed: 6 });
  const xs = values(N * E, 1), target = step.upload(TARGETS), x = step.upload(xs, [N, E]);
  x.requiresGrad = true;
  const contrast = await contrastOf(gpu, step, criterion, target, extra);
  const losses = (points: readonly Float64Array[]) => {
    const [input, ...rest] = points;
    return contrastLosses(contrast, scorer.score(input!, rest), learned ? rest.at(-1)![0]! : 1.25);
  };
  const points = [xs, ...data].map((array) => Float64Array.from(array));
  const dLoss = values(N, 9);
  const differences = centralDifferences(
    (at) => losses(at).reduce((sum, loss, n) => sum + dLoss[n]! * loss, 0),
    points,
  );
  const loss = criterion.forward(step, target, x);
  const gradients = step.backward(weightedSum(step, loss, step.upload(dLoss)));
  const dense = [x, ...parameters].map((tensor) => gradients.toDense(tensor));
  const [found, ...rest] = await Promise.all(
    [loss, ...dense].map((tensor) => tensor ? gpu.readFloats(tensor) : undefined),
  );
  assertClose(found!, losses(points), TOLERANCE, `${what}, loss`);
  differences.forEach((difference, i) => {
    const gradient = rest[i] ?? new Float32Array(difference.length);
    assertClose(gradient, difference, TOLERANCE, `${what}, gradient ${i}`);
  });
}

/** Every loss that the noise allows, with the extras that the loss has. */
function* cases(noise: string): Generator<[LossType, Extra]> {
  const losses = noise === "unique"
    ? ["sampled"] as const
    : ["nce", "sampled", "mix", "neg"] as const;
  for (const lossType of losses) {
    yield [lossType, {}];
    yield [lossType, { normTerm: "learned", selfNorm: 0.3 }];
    if (noise === "shared") yield [lossType, { normTerm: "learned" }];
    if (lossType !== "sampled") continue;
    yield [lossType, { removeHits: true }];
    yield [lossType, { removeHits: true, selfNorm: 0.3 }];
  }
  if (noise !== "shared") return;
  yield ["full", { normTerm: "learned" }];
  yield ["full", { selfNorm: 0.3 }];
  yield ["full", { normTerm: "learned", selfNorm: 0.3 }];
}

Deno.test("gradients of every loss and noise agree with finite differences in float64", (t) =>
  withGpu(async (gpu) => {
    for (const [name, scorer] of Object.entries(SCORERS)) {
      for (const [noise, optionsOf] of Object.entries(NOISE)) {
        await t.step(`${name}, noise ${noise}`, async () => {
          for (const [lossType, extra] of cases(noise)) {
            const what = `${lossType} ${JSON.stringify(extra)}`;
            await check(gpu, scorer, { ...optionsOf(gpu), lossType }, extra, what);
          }
        });
      }
    }
  }));
