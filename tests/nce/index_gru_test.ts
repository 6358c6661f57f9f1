// IndexGRU: every loss and its gradients against finite differences in float64, dropout, state, memory.

import { assert, assertEquals } from "@std/assert";
import {
  AliasMultinomial,
  BatchNoise,
  type Gpu,
  IndexGRU,
  type IndexGRUOptions,
  type LossType,
  type NCEOptions,
  type Step,
  Tensor,
} from "../../mod.ts";
import { sum, weightedSum } from "../../kernels/ops.ts";
import { assertClose } from "../support/close.ts";
import { peakMemory, withBothFamilies, withGpu } from "../support/gpu.ts";
import {
  B,
  COUNTS,
  fill,
  H,
  INPUT,
  make,
  N,
  scores,
  T,
  TARGET,
  upload,
  V,
} from "../support/index_gru.ts";
import { type Contrast, contrastLosses } from "../reference/contrast.ts";
import { randomIds, values } from "../reference/data.ts";
import { logSumExp } from "../reference/losses.ts";
import { centralDifferences } from "../reference/oracle.ts";

/** The oracle's constants: what noise the model draws in this step. */
async function contrastOf(
  gpu: Gpu,
  step: Step,
  model: IndexGRU,
  { selfNorm }: Partial<IndexGRUOptions>,
): Promise<Contrast> {
  const noise = model.getNoise(step, step.upload(TARGET));
  const [ids, noiseLogProb, targetLogProb] = await Promise.all(
    [noise.ids, noise.logProb, noise.targetLogProb].map((tensor) => gpu.read(tensor)),
  );
  return {
    lossType: model.lossType,
    classes: V,
    target: TARGET,
    noise: ids!,
    count: noise.ids.shape.at(-1)!,
    noiseLogProb: noiseLogProb!,
    targetLogProb: targetLogProb!,
    samples: noise.samples,
    ownSlot: noise.ownSlot,
    selfNorm,
  };
}

/** Throws unless the loss and the gradients of all parameters agree with float64. */
async function check(gpu: Gpu, options: Partial<IndexGRUOptions>, what: string): Promise<void> {
  using model = make(gpu, options);
  const learned = model.normTerm instanceof Tensor, data = fill(gpu, model);
  using step = gpu.step({ training: true, seed: 6 });
  const contrast = await contrastOf(gpu, step, model, options);
  const losses = (points: readonly Float64Array[]) => {
    const all = scores(points);
    return contrastLosses(contrast, (n, y) => all[n * V + y]!, learned ? points.at(-1)![0]! : 1.25);
  };
  const dLoss = values(N, 9);
  const differences = centralDifferences(
    (at) => losses(at).reduce((total, loss, n) => total + dLoss[n]! * loss, 0),
    data,
  );
  const { target, input } = upload(step), loss = model.forward(step, target, input);
  const gradients = step.backward(weightedSum(step, loss, step.upload(dLoss, [T, B])));
  const tolerance = { atol: 1e-5, rtol: 5e-5 };
  assertClose(await gpu.readFloats(loss), losses(data), tolerance, `${what}, loss`);
  for (const [i, [name, parameter]] of model.parameters().entries()) {
    const gradient = gradients.toDense(parameter);
    const found = gradient ? await gpu.readFloats(gradient) : new Float32Array(parameter.size);
    assertClose(found, differences[i]!, tolerance, `${what}, ${name}`);
  }
}

const NOISE: Record<string, (gpu: Gpu) => Partial<NCEOptions>> = {
  shared: () => ({}),
  "shared, more than classes": () => ({ noiseRatio: 13 }),
  "per word": () => ({ noiseRatio: 1, perWord: true }),
  "per word, more than classes": () => ({ perWord: true }),
  batch: (gpu) => ({ noise: new BatchNoise(gpu, COUNTS) }),
};

for (const [noise, optionsOf] of Object.entries(NOISE)) {
  Deno.test(`IndexGRU's losses and gradients agree with finite differences, noise ${noise}`, () =>
    withBothFamilies(async (gpu) => {
      const losses: LossType[] = ["nce", "sampled", "mix", "neg"];
      if (noise === "shared") losses.push("full");
      for (const lossType of losses) await check(gpu, { ...optionsOf(gpu), lossType }, lossType);
      await check(gpu, { ...optionsOf(gpu), normTerm: "learned" }, "learned norm term");
      if (noise !== "shared") return;
      // Not even the scorer's bias, which all scores have in common, cancels in the penalty.
      const penalised = { selfNorm: 0.3, normTerm: "learned" } as const;
      await check(gpu, { ...optionsOf(gpu), ...penalised, lossType: "full" }, "penalised");
    }));
}

Deno.test("IndexGRU's gradients go through the masks of the forward pass", () =>
  withBothFamilies(async (gpu) => {
    for (const lossType of ["nce", "full"] as const) {
      for (const perWord of [false, true]) {
        using model = make(gpu, { dropout: 0.3, lossType, perWord, noiseRatio: 9 });
        const data = fill(gpu, model), parameters = model.parameters();
        const directions = data.map(({ length }, i) => values(length, i + 40));
        const lossAt = async (distance: number) => {
          parameters.forEach(([, parameter], i) => {
            gpu.write(
              parameter,
              Float32Array.from(data[i]!, (x, j) => x + distance * directions[i]![j]!),
            );
          });
          using step = gpu.step({ training: true, seed: 4, number: 0 });
          const { target, input } = upload(step);
          const loss = await gpu.readFloats(model.forward(step, target, input));
          return loss.reduce((total, x) => total + x, 0);
        };
        const h = 1e-2, difference = (await lossAt(h) - await lossAt(-h)) / (2 * h);
        await lossAt(0);
        using step = gpu.step({ training: true, seed: 4, number: 0 });
        const { target, input } = upload(step);
        const gradients = step.backward(sum(step, model.forward(step, target, input)));
        let slope = 0;
        for (const [i, [, parameter]] of parameters.entries()) {
          const gradient = await gpu.readFloats(gradients.toDense(parameter)!);
          slope += gradient.reduce((total, d, j) => total + d * directions[i]![j]!, 0);
        }
        const what = `${lossType}, ${perWord ? "per word" : "shared"}`;
        assertClose([slope], [difference], { atol: 2e-3, rtol: 2e-3 }, what);
      }
    }
  }));

Deno.test("IndexGRU drops units in training steps alone, anew in each", () =>
  withGpu(async (gpu) => {
    using model = make(gpu, { dropout: 0.5, lossType: "full" });
    fill(gpu, model);
    const lossOf = async (training: boolean, number: number) => {
      using step = gpu.step({ training, seed: 1, number });
      const { target, input } = upload(step);
      return (await gpu.readFloats(model.forward(step, target, input))).join();
    };
    const same = [await lossOf(false, 0), await lossOf(false, 1)];
    assertEquals(same[0], same[1]);
    const drawn = [await lossOf(true, 0), await lossOf(true, 1), await lossOf(true, 2)];
    assertEquals(new Set([same[0], ...drawn]).size, 4);
    assertEquals(await lossOf(true, 1), drawn[1]);
  }));

Deno.test("IndexGRU's exact loss is normalised over the scores of all words", () =>
  withGpu(async (gpu) => {
    using alias = new AliasMultinomial(gpu, COUNTS);
    using model = make(gpu, { dropout: 0.5 });
    const all = scores(fill(gpu, model));
    using step = gpu.step();
    const { input } = upload(step), target = step.upload(TARGET);
    const { loss, logZ, score } = model.ceLoss(step, target, input);
    const expected = Array.from(TARGET, (_, n) => logSumExp([...all.subarray(n * V, (n + 1) * V)]));
    assertClose(await gpu.readFloats(logZ), expected, { atol: 1e-5 }, "ln Z");
    const ids = alias.noiseOf(
      step,
      target,
      step.upload(Uint32Array.from({ length: V }, (_, y) => y)),
    );
    const single = model.getScore(step, target, ids.ids, input);
    assertClose(await gpu.readFloats(single.noise), all, { atol: 1e-5 }, "scores");
    const own = Array.from(TARGET, (y, n) => all[n * V + y]!);
    assertClose(await gpu.readFloats(single.target), own, { atol: 1e-5 }, "scores of targets");
    assertClose(await gpu.readFloats(score), own, { atol: 1e-5 }, "score");
    const losses = expected.map((z, n) => z - own[n]!);
    assertClose(await gpu.readFloats(loss), losses, { atol: 1e-5 }, "loss");
  }));

Deno.test("IndexGRU goes on from a state, and takes a context for the words", () =>
  withGpu(async (gpu) => {
    using model = make(gpu);
    fill(gpu, model);
    using step = gpu.step();
    const { target, input } = upload(step);
    const whole = model.context(step, input);
    const direct = await gpu.readFloats(model.forward(step, target, input));
    const through = await gpu.readFloats(model.forward(step, target, whole.context));
    assertEquals(through, direct);
    const first = model.context(step, step.upload(INPUT.slice(0, B), [1, B]));
    const rest = model.context(step, step.upload(INPUT.slice(B), [T - 1, B]), first);
    const [expected, found] = [whole.context, rest.context].map((tensor) => gpu.readFloats(tensor));
    assertClose(await found!, (await expected!).subarray(B * H), {}, "states");
    assertClose(
      await gpu.readFloats(rest.state),
      await gpu.readFloats(whole.state),
      {},
      "last state",
    );
    const row = (n: number) => Math.floor(n / B);
    const resets = step.upload(Uint32Array.from({ length: N }, (_, n) => Number(row(n) === 1)), [
      T,
      B,
    ]);
    const fresh = model.context(step, step.upload(INPUT.slice(B), [T - 1, B])).context;
    const anew = await gpu.readFloats(model.context(step, input, { resets }).context);
    assertClose(anew.subarray(B * H), await gpu.readFloats(fresh), {}, "resets");
  }));

Deno.test("IndexGRU gives equal bits in equal steps, and holds no memory between them", () =>
  withBothFamilies(async (gpu) => {
    const [steps, batch, classes, size, count] = [12, 20, 999, 64, 200];
    using model = new IndexGRU(gpu, {
      numClasses: classes,
      embeddingDim: 30,
      hiddenSize: size,
      dropout: 0.2,
      noise: new Float64Array(classes).fill(1),
      noiseRatio: count,
    });
    const ids = (seed: number) => randomIds(steps * batch, classes, seed);
    const run = async () => {
      using step = gpu.step({ training: true, seed: 2, number: 0 });
      const target = step.upload(ids(1), [steps, batch]),
        input = step.upload(ids(2), [steps, batch]);
      const gradients = step.backward(model.forward(step, target, input));
      const weights = [model.rnn.layers[0]!.weightIh, model.encoder.weight, model.output.weight];
      return await Promise.all(weights.map((weight) => gpu.readFloats(gradients.toDense(weight)!)));
    };
    const first = await run(), before = gpu.memory;
    for (let i = 0; i < 3; i++) assertEquals(await run(), first);
    assertEquals(gpu.memory.bytes, before.bytes);
    assertEquals(gpu.memory.buffers, before.buffers);
    assertEquals(gpu.memory.freeBytes, before.freeBytes);
  }));

Deno.test("IndexGRU never holds more than 64 MiB of scores", () =>
  withGpu(async (gpu) => {
    const [rows, classes] = [700, 30_011]; // 80 MiB of scores
    using model = new IndexGRU(gpu, {
      numClasses: classes,
      embeddingDim: 2,
      hiddenSize: 1,
      noise: new Float64Array(classes).fill(1),
      lossType: "full",
    });
    const peak = await peakMemory(gpu, () => {
      using step = gpu.step({ training: true });
      const target = step.upload(randomIds(rows, classes, 1), [rows, 1]);
      const input = step.upload(randomIds(rows, classes, 2), [rows, 1]);
      step.backward(model.forward(step, target, input));
    });
    const mebibytes = peak.bytes / 2 ** 20;
    assert(mebibytes < 64 + 4, `${mebibytes} MiB in use`);
    // On a software adapter half of the 64 MiB is a copy of the other half.
    assert(peak.largest > 25 * 2 ** 20, "the scores of a tile were not seen");
  }, { maxBindingBytes: 2 ** 27 })); // a tile is of one buffer
