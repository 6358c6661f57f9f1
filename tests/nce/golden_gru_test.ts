// IndexGRU against the reference: losses and the gradients of all parameters, with injected noise.

import {
  AliasMultinomial,
  type Gpu,
  IndexGRU,
  type LossType,
  type Noise,
  type Step,
  type Tensor,
} from "../../mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import { assertClose, flat } from "../support/close.ts";
import { GOLDEN_TOLERANCE, goldenCases, timeMajor } from "../support/golden.ts";
import { withBothFamilies } from "../support/gpu.ts";

interface GRUCase {
  B: number;
  N: number;
  H: number;
  V: number;
  K: number;
  lossType: LossType;
  normTerm: number | "auto";
  noiseCounts: number[];
  /** [B, N, K]; the same K for all tokens. */
  noiseSamples: number[][][];
  /** [B, N + 1] */
  sentence: number[][];
  target: number[][];
  lossWeight: number[][];
  loss: number[][];
  params: Record<string, unknown>;
  grads: Record<string, unknown>;
}

/** An IndexGRU that takes the noise it is given. */
class Injected extends IndexGRU {
  readonly alias: AliasMultinomial;
  readonly #samples: Uint32Array;

  constructor(gpu: Gpu, c: GRUCase) {
    const alias = new AliasMultinomial(gpu, c.noiseCounts);
    const perToken = timeMajor(c.noiseSamples), [first] = perToken;
    const perWord = perToken.some((samples) => String(samples) !== String(first));
    super(gpu, {
      numClasses: c.V,
      embeddingDim: c.H,
      hiddenSize: c.H,
      noise: alias,
      noiseRatio: c.K,
      normTerm: c.normTerm,
      lossType: c.lossType,
      perWord,
      reduction: "none",
    });
    this.alias = alias;
    this.#samples = Uint32Array.from(perWord ? flat(perToken) : first!);
  }

  override getNoise(step: Step, target: Tensor): Noise {
    const k = this.noiseRatio, shape = this.perWord ? [target.size, k] : [k];
    return this.alias.noiseOf(step, target, step.upload(this.#samples, shape));
  }
}

async function check(gpu: Gpu, c: GRUCase, name: string): Promise<void> {
  using model = new Injected(gpu, c);
  for (const [parameter, tensor] of model.parameters()) {
    gpu.write(tensor, Float32Array.from(flat(c.params[parameter])));
  }
  using step = gpu.step({ training: true });
  const ids = (batch: number[][]) => step.upload(Uint32Array.from(timeMajor(batch)), [c.N, c.B]);
  const input = ids(c.sentence.map((sentence) => sentence.slice(0, -1)));
  const loss = model.forward(step, ids(c.target), input);
  assertClose(await gpu.readFloats(loss), timeMajor(c.loss), GOLDEN_TOLERANCE, `${name}, loss`);
  const weight = step.upload(Float32Array.from(timeMajor(c.lossWeight)), [c.N, c.B]);
  const gradients = step.backward(weightedSum(step, loss, weight));
  for (const [parameter, tensor] of model.parameters()) {
    const gradient = gradients.toDense(tensor);
    if (!gradient) throw new Error(`${name}: no gradient flows to ${parameter}`);
    const found = await gpu.readFloats(gradient), expected = flat(c.grads[parameter]);
    assertClose(found, expected, GOLDEN_TOLERANCE, `${name}, ${parameter}`);
  }
}

Deno.test("IndexGRU gives the reference's losses and gradients", () =>
  withBothFamilies(async (gpu) => {
    for (const [i, c] of goldenCases<GRUCase>("index_gru.json").entries()) {
      await check(gpu, c, `case ${i}: ${c.lossType}, norm term ${c.normTerm}`);
    }
  }));
