// nceGradient(): equal to IndexLinear's loss and gradients, to finite differences, and its errors.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { IndexLinear, nceGradient, type NCEProblem } from "../../mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import { assertClose } from "../support/close.ts";
import { withGpu } from "../support/gpu.ts";
import { randomIds, values } from "../reference/data.ts";

const LOSSES = ["nce", "sampled", "mix", "neg"] as const;

Deno.test("nceGradient() gives IndexLinear's loss and gradients, in every loss, shared and per word", () =>
  withGpu(async (gpu) => {
    const [N, E, V, K] = [33, 7, 21, 13];
    const noise = Float64Array.from({ length: V }, (_, y) => y % 5 + 0.5);
    for (const [perWord, removeHits] of [[false, false], [true, false], [true, true]] as const) {
      for (const lossType of LOSSES) {
        using layer = new IndexLinear(gpu, {
          ...{ embeddingDim: E, numClasses: V, noise, noiseRatio: K, perWord, removeHits },
          ...{ lossType, reduction: "none" },
        });
        const bias = values(V, 4);
        gpu.write(layer.bias, bias);
        const xs = values(N * E, 1), ids = randomIds(N, V, 2), dLoss = values(N, 3);
        using step = gpu.step({ training: true, seed: 1 });
        const target = step.upload(ids), input = step.upload(xs, [N, E]);
        input.requiresGrad = true;
        const drawn = await gpu.read(layer.getNoise(step, target).ids);
        const loss = layer.forward(step, target, input);
        const gradients = step.backward(weightedSum(step, loss, step.upload(dLoss)));
        const found = nceGradient({
          ...{ input: xs, weight: await gpu.readFloats(layer.weight), bias, target: ids },
          ...{ noise: drawn, perWord, noiseProbabilities: layer.noise.probabilities },
          ...{ lossType, removeHits, dLoss },
        });
        const what = `${lossType}, per word ${perWord}, hits removed ${removeHits}`;
        assertEquals([...found.rows], [...new Set([...ids, ...drawn])].sort((a, b) => a - b), what);
        const dense = (rows: Float32Array, width: number) => {
          const all = new Float32Array(V * width);
          found.rows.forEach((row, r) =>
            all.set(rows.subarray(r * width, (r + 1) * width), row * width)
          );
          return all;
        };
        const pairs = [
          [found.loss, loss],
          [found.dInput, gradients.toDense(input)!],
          [dense(found.dWeight, E), gradients.toDense(layer.weight)!],
          [dense(found.dBias, 1), gradients.toDense(layer.bias)!],
        ] as const;
        for (const [i, [mine, theirs]] of pairs.entries()) {
          const tolerance = { atol: 1e-5, rtol: 2e-5 };
          assertClose(await gpu.readFloats(theirs), mine, tolerance, `${what}, ${i}`);
        }
      }
    }
  }));

/** A problem of 2 targets over 3 classes. */
const SMALL: NCEProblem = {
  input: [1, -2, 0.5, 3],
  weight: [0.1, 0.2, -0.3, 0.4, 0.5, -0.6],
  bias: [0.5, -0.5, 0],
  target: [2, 0],
  noise: [2, 2, 1],
  noiseProbabilities: [0.2, 0.3, 0.5],
};

Deno.test("nceGradient() takes plain arrays, sums by default and keeps to the rows it used", () => {
  for (const lossType of LOSSES) {
    const { loss, dInput, rows, dWeight, dBias } = nceGradient({ ...SMALL, lossType });
    assertEquals([loss.length, [...rows], dWeight.length, dBias.length], [2, [0, 1, 2], 6, 3]);
    const total = (change: Partial<NCEProblem>) => {
      const found = nceGradient({ ...SMALL, lossType, ...change });
      return found.loss[0]! + found.loss[1]!;
    };
    const slopes = (name: "input" | "weight" | "bias") =>
      Array.from(SMALL[name], (_, i) => {
        const at = (h: number) =>
          total({ [name]: Float64Array.from(SMALL[name], (x, j) => x + (i === j ? h : 0)) });
        return (at(1e-2) - at(-1e-2)) / 2e-2;
      });
    const tolerance = { atol: 2e-3 }; // losses are float32
    assertClose(dInput, slopes("input"), tolerance, `${lossType}, input`);
    assertClose(dWeight, slopes("weight"), tolerance, `${lossType}, weight`);
    assertClose(dBias, slopes("bias"), tolerance, `${lossType}, bias`);
  }
  const classes = 50_000, one = { ...SMALL, target: [7, 7], noise: [49_999, 7] };
  const weight = new Float32Array(classes * 2), bias = new Float32Array(classes);
  const noiseProbabilities = new Float32Array(classes).fill(1 / classes);
  const found = nceGradient({ ...one, weight, bias, noiseProbabilities });
  assertEquals([[...found.rows], found.dWeight.length], [[7, 49_999], 4]);
});

Deno.test("nceGradient() stays finite at extreme scores", () => {
  for (const lossType of LOSSES) {
    for (const s of [1e4, -1e4]) {
      const { loss, dInput, dWeight } = nceGradient({ ...SMALL, bias: [s, 0, -s], lossType });
      assert([...loss, ...dInput, ...dWeight].every(Number.isFinite), `${lossType}, ${s}`);
    }
  }
});

Deno.test("nceGradient() throws when sizes, ids, q or the norm term do not do", () => {
  const sizes: [Partial<NCEProblem>, string][] = [
    [{ input: [1, 2, 3] }, "3 inputs for 2 targets"],
    [{ target: [] }, "4 inputs for 0 targets"],
    [{ weight: [1, 2] }, "weight: it has 2 elements, expected 6"],
    [{ noise: [] }, "0 samples"],
    [{ perWord: true }, "3 samples out among 2 targets"],
    [{ noiseProbabilities: [1] }, "noiseProbabilities: it has 1 elements, expected 3"],
    [{ dLoss: [1] }, "dLoss: it has 1 elements, expected 2"],
  ];
  for (const [change, message] of sizes) {
    assertThrows(() => nceGradient({ ...SMALL, ...change }), TypeError, message);
  }
  const values: [Partial<NCEProblem>, string][] = [
    [{ target: [3, 0] }, "id 3: there are 3 classes"],
    [{ noise: [-1] }, "id -1"],
    [{ noise: [0.5] }, "id 0.5"],
    [{ noiseProbabilities: [0.5, 0.5, 0] }, "class 2 has q = 0"],
    [{ noiseProbabilities: [5, 3, 2] }, "class 2 has q = 2"],
    [{ normTerm: NaN }, "normTerm NaN"],
  ];
  for (const [change, message] of values) {
    assertThrows(() => nceGradient({ ...SMALL, ...change }), RangeError, message);
  }
});
