// IndexGRU: every loss and its gradients against finite differences in float64, dropout, state, memory.

import { assert, assertEquals, assertThrows } from "@std/assert";
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
import { type Contrast, contrastLosses } from "../reference/contrast.ts";
import { randomIds, values } from "../reference/data.ts";
import { gruLayer, gruPairScore } from "../reference/gru.ts";
import { gather, linear } from "../reference/linear.ts";
import { logSumExp } from "../reference/losses.ts";
import { centralDifferences } from "../reference/oracle.ts";
import { bestOf } from "../reference/top_k.ts";

const [T, B, V, E, H, K] = [3, 3, 11, 3, 5, 4];
const N = T * B;
const COUNTS = Float64Array.from({ length: V }, (_, y) => 1 + (y * 5) % 7);
const INPUT = randomIds(N, V, 1), TARGET = randomIds(N, V, 2);

function make(gpu: Gpu, options: Partial<IndexGRUOptions> = {}): IndexGRU {
  const sizes = { numClasses: V, embeddingDim: E, hiddenSize: H };
  return new IndexGRU(gpu, {
    ...sizes,
    noise: COUNTS,
    noiseRatio: K,
    normTerm: 1.25,
    reduction: "none",
    ...options,
  });
}

/** Gives the parameters values that matter, and returns them. */
function fill(gpu: Gpu, model: IndexGRU): Float64Array[] {
  return model.parameters().map(([, parameter], i) => {
    const data = values(parameter.size, i + 3);
    gpu.write(parameter, data);
    return Float64Array.from(data);
  });
}

function upload(step: Step): { target: Tensor; input: Tensor } {
  return { target: step.upload(TARGET, [T, B]), input: step.upload(INPUT, [T, B]) };
}

/** The scores [N, V] of all words after each token, in float64. */
function scores(parameters: readonly Float64Array[]): Float64Array {
  const [table, weightIh, weightHh, biasIh, biasHh, weight, bias] = parameters as Float64Array[];
  const x = gather(INPUT, E)(table!).output;
  const layer = gruLayer({ steps: T, batch: B, width: E, size: H });
  const { output: hidden } = layer(x, weightIh!, weightHh!, biasIh!, biasHh!);
  const gates = linear(N, H, 3 * H)(hidden, weightHh!, biasHh!).output;
  const words = linear(V, E, 3 * H)(table!, weightIh!, biasIh!).output;
  return gruPairScore({ rows: N, count: V, size: H })(words, gates, hidden, weight!, bias!).output;
}

/** The oracle's constants: what noise the model draws in this step. */
async function contrastOf(gpu: Gpu, step: Step, model: IndexGRU): Promise<Contrast> {
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
  };
}

/** Throws unless the loss and the gradients of all parameters agree with float64. */
async function check(gpu: Gpu, options: Partial<IndexGRUOptions>, what: string): Promise<void> {
  using model = make(gpu, options);
  const learned = model.normTerm instanceof Tensor, data = fill(gpu, model);
  using step = gpu.step({ training: true, seed: 6 });
  const contrast = await contrastOf(gpu, step, model);
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
          using step = gpu.step({ training: true, seed: 4 });
          const { target, input } = upload(step);
          const loss = await gpu.readFloats(model.forward(step, target, input));
          return loss.reduce((total, x) => total + x, 0);
        };
        const h = 1e-2, difference = (await lossAt(h) - await lossAt(-h)) / (2 * h);
        await lossAt(0);
        using step = gpu.step({ training: true, seed: 4 });
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
      using step = gpu.step({ training: true, seed: 2 });
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

Deno.test("IndexGRU has the reference's parameters, and its initial ranges", () =>
  withGpu(async (gpu) => {
    using model = make(gpu, { normTerm: "learned" });
    const shapes = model.parameters().map(([name, { shape }]) => `${name} ${shape}`);
    assertEquals(shapes, [
      "encoder.0.weight 11,3",
      "rnn.weight_ih_l0 15,3",
      "rnn.weight_hh_l0 15,5",
      "rnn.bias_ih_l0 15",
      "rnn.bias_hh_l0 15",
      "scorer.1.weight 1,5",
      "scorer.1.bias 1",
      "norm_term 1",
    ]);
    for (const [name, parameter] of model.parameters().slice(0, -1)) {
      const range = name.startsWith("encoder") ? 0.1 : 1 / Math.sqrt(H);
      const initial = await gpu.readFloats(parameter);
      assert(initial.every((x) => Math.abs(x) <= range), name);
      assert(initial.some((x) => x !== 0), name);
    }
  }));

Deno.test("IndexGRU throws when sizes, noise, dropout or input do not fit", () =>
  withGpu((gpu) => {
    assertThrows(() => make(gpu, { hiddenSize: 0 }), RangeError, "hiddenSize is 0");
    assertThrows(() => make(gpu, { noise: [1, 2] }), RangeError, "noise has 2 classes, not 11");
    assertThrows(() => make(gpu, { dropout: 1 }), RangeError, "dropout is 1, not in [0, 1)");
    using model = make(gpu);
    using step = gpu.step();
    const { target } = upload(step), ids = step.upload(INPUT);
    const message = "expected ids [T, B]";
    assertThrows(() => model.forward(step, target, ids), TypeError, message);
    const few = step.upload(INPUT.slice(B), [T - 1, B]);
    assertThrows(() => model.forward(step, target, few), TypeError, message);
    const wide = step.upload(values(N * E, 1), [N, E]);
    assertThrows(() => model.forward(step, target, wide), TypeError, "or rows of 5");
    const large = step.upload(Uint32Array.from({ length: N }, () => V), [T, B]);
    assertThrows(() => model.forward(step, target, large), RangeError, "id 11");
    assertThrows(() => model.forward(step, large, few), RangeError, "id 11");
  }));

Deno.test("topK() gives the words that go on best after each word of the input, or after its context", () =>
  withBothFamilies(async (gpu) => {
    using model = make(gpu);
    const all = scores(fill(gpu, model)), k = 4;
    using step = gpu.step();
    const { input } = upload(step), { context } = model.context(step, input);
    for (const given of [input, context]) {
      const found = model.topK(step, k, given);
      const expected = Array.from(
        { length: N },
        (_, n) => bestOf(all.subarray(n * V, (n + 1) * V), k),
      );
      assertEquals([...await gpu.read(found.ids)], expected.flatMap((best) => [...best]));
      const best = expected.flatMap((ids, n) => Array.from(ids, (id) => all[n * V + id]!));
      assertClose(await gpu.readFloats(found.scores), best, { atol: 1e-5, rtol: 1e-5 }, "scores");
    }
    const narrow = step.upload(values(H + 1, 1));
    const message = "Cannot score [6]: expected ids [T, B], one a row, or rows of 5";
    assertThrows(() => model.topK(step, k, narrow), TypeError, message);
  }));
