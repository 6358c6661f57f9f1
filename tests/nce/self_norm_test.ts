// Self-normalisation of the exact loss: ln Z comes near the norm term, or near its own mean.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { type Gpu, IndexLinear, type NCEOptions } from "../../mod.ts";
import { SGD } from "../../nce/nn/mod.ts";
import { assertClose } from "../support/close.ts";
import { withGpu } from "../support/gpu.ts";
import { values } from "../reference/data.ts";

const [N, E, V] = [96, 4, 23];
const COUNTS = Float64Array.from({ length: V }, (_, y) => 1 + y % 5);

const SIZES = { noise: COUNTS, embeddingDim: E, numClasses: V };
const LEARNED: Partial<NCEOptions> = { selfNorm: 0.1, normTerm: "learned" };

/** Contexts of very different lengths, so that a model of them has very different ln Z. */
function problem(gpu: Gpu) {
  const x = values(N * E, 1).map((v, i) => v * (1 + Math.floor(i / E) % 7));
  const target = Uint32Array.from(
    { length: N },
    (_, n) => x[n * E]! > 0 ? n % 3 : 3 + (n * 5) % 20,
  );
  return { x: gpu.tensor([N, E], x), target: gpu.tensor([N], target) };
}

interface Trained {
  /** Mean and standard deviation of ln Z, and the mean exact loss, after training. */
  mean: number;
  std: number;
  loss: number;
  normTerm: number;
}

async function train(gpu: Gpu, options: Partial<NCEOptions>): Promise<Trained> {
  const { x, target } = problem(gpu);
  using _x = x, _target = target;
  using layer = new IndexLinear(gpu, { ...SIZES, lossType: "full", ...options });
  using optimizer = new SGD(gpu, layer.parameters(), { lr: 0.2 });
  for (let number = 0; number < 60; number++) {
    using step = gpu.step({ training: true, number });
    optimizer.step(step.backward(layer.forward(step, target, x)));
  }
  using step = gpu.step();
  const parts = layer.ceLoss(step, target, x), { normTerm } = layer;
  const [logZ, losses] = await Promise.all([parts.logZ, parts.loss].map((t) => gpu.readFloats(t)));
  const mean = meanOf(logZ!);
  return {
    mean,
    std: Math.sqrt(meanOf(logZ!.map((z) => (z - mean) ** 2))),
    loss: meanOf(losses!),
    normTerm: typeof normTerm === "number" ? normTerm : (await gpu.readFloats(normTerm))[0]!,
  };
}

function meanOf(numbers: Float32Array): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}

Deno.test("selfNorm of the exact loss draws ln Z to the norm term, and its deviation falls", () =>
  withGpu(async (gpu) => {
    const free = await train(gpu, {}), pinned = await train(gpu, { selfNorm: 0.1 });
    const c = Math.log(V), off = ({ mean, normTerm }: Trained) => Math.abs(mean - normTerm);
    assertEquals([free.normTerm, pinned.normTerm], [c, c]);
    assert(pinned.std < free.std / 2, `standard deviations ${pinned.std} and ${free.std}`);
    assert(off(pinned) < off(free) / 2, `means ${pinned.mean} and ${free.mean}, norm term ${c}`);
    assert(pinned.loss < free.loss + 0.3, `losses ${pinned.loss} and ${free.loss}`);
    // The bias starts at ln q + c: another c shifts all scores.
    const shifted = await train(gpu, { selfNorm: 0.1, normTerm: c + 2 });
    assertAlmostEquals(shifted.mean, pinned.mean + 2, 1e-3);
    assertAlmostEquals(shifted.std, pinned.std, 1e-3);
  }));

Deno.test("with a learned norm term selfNorm follows the mean of ln Z, and its deviation falls", () =>
  withGpu(async (gpu) => {
    const free = await train(gpu, {}), { std, mean, normTerm } = await train(gpu, LEARNED);
    assert(std < 0.7 * free.std, `standard deviations ${std} and ${free.std}`);
    assert(Math.abs(normTerm - Math.log(V)) > 0.3, `the norm term is still ${normTerm}`);
    assertAlmostEquals(normTerm, mean, 0.3);
  }));

Deno.test("selfNorm adds nothing to the exact loss outside training", () =>
  withGpu(async (gpu) => {
    const { x, target } = problem(gpu), lossType = "full";
    using _x = x, _target = target;
    using layer = new IndexLinear(gpu, { ...SIZES, lossType, selfNorm: 3, reduction: "none" });
    const lossesIn = async (training: boolean) => {
      using step = gpu.step({ training });
      const { loss, logZ } = layer.ceLoss(step, target, x);
      const found = layer.forward(step, target, x);
      return await Promise.all([found, loss, logZ].map((tensor) => gpu.readFloats(tensor)));
    };
    const [plain, exact] = await lossesIn(false);
    assertEquals(plain, exact);
    const [penalised, loss, logZ] = await lossesIn(true);
    assertClose(penalised!, loss!.map((l, n) => l + 3 * (logZ![n]! - Math.log(V)) ** 2));
  }));
