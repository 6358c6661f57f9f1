// The losses over target and noise scores against float64.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Gpu, Step } from "../../../mod.ts";
import { logPartition, nceLoss, type NoiseScores, sampledLoss } from "../../../kernels/ops.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";
import { logProbabilities, values } from "../../reference/data.ts";
import * as reference from "../../reference/losses.ts";

interface Problem {
  rows: number;
  count: number;
  perRow: boolean;
  /** Target and noise scores; within [-1, 1) unless given. */
  scores?: [Float32Array, Float32Array];
  /** By how much losses may differ; in all, and in relation to the loss. */
  atol?: number;
  rtol?: number;
}

async function check(
  gpu: Gpu,
  { rows, count, perRow, scores, atol = 4e-6, rtol = 1e-5 }: Problem,
  normTerm: number,
) {
  const target = logProbabilities(rows, 1);
  const noise = logProbabilities(perRow ? rows * count : count, 2);
  const common = {
    shapes: [[rows], [rows, count]],
    ...(scores && { data: scores }),
    // Scores and log probabilities of about 10 are rounded before they are subtracted.
    tolerance: { atol, rtol },
  };
  const name = `[${rows}, ${count}] ${perRow ? "per row" : "shared"}`;
  const scoresOf = (step: Step, [s, n]: NoiseScores["target"][]): NoiseScores => ({
    target: s!,
    noise: n!,
    targetLogProb: step.upload(target),
    noiseLogProb: step.upload(noise, perRow ? [rows, count] : [count]),
  });
  await checkOp(gpu, `nceLoss ${name}`, {
    ...common,
    oracle: reference.nceLoss({ target, noise }, normTerm),
    run: (step, ...inputs) => nceLoss(step, scoresOf(step, inputs), normTerm),
  });
  await checkOp(gpu, `sampledLoss ${name}`, {
    ...common,
    oracle: reference.sampledLoss({ target, noise }),
    run: (step, ...inputs) => sampledLoss(step, scoresOf(step, inputs)),
  });
  if (scores?.[1].includes(-Infinity)) return; // ln 0, of a row without noise, has no gradient
  const partition = reference.logPartition({ target, noise });
  await checkOp(gpu, `logPartition ${name}`, {
    ...common,
    shapes: [[rows, count]],
    data: [scores?.[1] ?? values(rows * count, 2)],
    oracle: (own) => {
      const { output, backward } = partition(new Float64Array(rows), own!);
      return { output, backward: (d) => backward(d).slice(1) };
    },
    run: (step, own) => logPartition(step, scoresOf(step, [step.tensor([rows]), own!])),
  });
}

Deno.test("the losses agree with float64 for shared noise and noise of each row", () =>
  withBothFamilies(async (gpu) => {
    for (const perRow of [false, true]) {
      for (const [rows, count] of [[1, 1], [63, 1], [1, 65], [65, 7], [3, 257]] as const) {
        await check(gpu, { rows, count, perRow }, 9);
      }
    }
  }));

Deno.test("the losses agree with float64 when scores are extreme", () =>
  withBothFamilies(async (gpu) => {
    const [rows, count] = [6, 5];
    const scores: [Float32Array, Float32Array] = [
      Float32Array.of(80, -80, 80, -80, 0, 0),
      Float32Array.from({ length: rows * count }, (_, i) => [80, -80, -80, 80, 80, -80][i % 6]!),
    ];
    for (const perRow of [false, true]) {
      await check(gpu, { rows, count, perRow, scores }, 0);
    }
    const far: [Float32Array, Float32Array] = [
      Float32Array.of(1e4, -1e4),
      Float32Array.of(1e4, -1e4, -1e4, 1e4),
    ];
    // 1e4 less a log probability is rounded to a multiple of 2^-10.
    await check(gpu, { rows: 2, count: 2, perRow: false, scores: far, atol: 2e-3 }, 0);
    const low: [Float32Array, Float32Array] = [Float32Array.of(-200), Float32Array.of(-300, -200)];
    await check(gpu, { rows: 1, count: 2, perRow: false, scores: low, atol: 1e-4 }, 0);
  }));

Deno.test("noise of score -Infinity adds nothing, be it all of a row's", () =>
  withGpu(async (gpu) => {
    const noise = values(3 * 70, 1);
    noise.fill(-Infinity, 70, 140).fill(-Infinity, 145, 205);
    const scores: [Float32Array, Float32Array] = [values(3, 2), noise];
    for (const perRow of [false, true]) await check(gpu, { rows: 3, count: 70, perRow, scores }, 2);
    using step = gpu.step();
    const logZ = logPartition(step, {
      target: step.upload(scores[0]),
      noise: step.upload(noise, [3, 70]),
      targetLogProb: step.upload(new Float32Array(3)),
      noiseLogProb: step.upload(new Float32Array(70)),
    });
    const expected = [0, 1, 2].map((n) => {
      const row = noise.subarray(n * 70, n * 70 + 70);
      return Math.log(row.reduce((sum, s) => sum + Math.exp(s), 0) / 70);
    });
    const found = await gpu.readFloats(logZ);
    assertEquals(found[1], -Infinity);
    assertClose([found[0]!, found[2]!], [expected[0]!, expected[2]!], { atol: 4e-6 });
  }));

Deno.test("nceLoss() of pairs told apart well is small and precise", () =>
  withGpu(async (gpu) => {
    const scores: [Float32Array, Float32Array] = [
      Float32Array.of(90, 70, 60, 30),
      Float32Array.of(-30, -28, -25, -40),
    ];
    await check(gpu, { rows: 4, count: 1, perRow: true, scores, atol: 1e-36, rtol: 1e-3 }, 0);
  }));

Deno.test("the losses agree with float64 beyond 65,535 rows, a folded grid", () =>
  withGpu(async (gpu) => {
    const rows = 70_001;
    assert(rows > gpu.device.limits.maxComputeWorkgroupsPerDimension);
    await check(gpu, { rows, count: 1, perRow: false }, 3);
  }));

Deno.test("nceLoss() and sampledLoss() throw when a shape or a count does not fit", () =>
  withGpu((gpu) => {
    using step = gpu.step();
    const tensor = (...shape: number[]) =>
      step.upload(values(shape.reduce((n, s) => n * s, 1), 1), shape);
    const good: NoiseScores = {
      target: tensor(4),
      noise: tensor(4, 3),
      targetLogProb: tensor(4),
      noiseLogProb: tensor(3),
    };
    const wrong: [string, Partial<NoiseScores>][] = [
      ["target", { target: tensor(4, 1) }],
      ["noise", { noise: tensor(3, 4) }],
      ["noise", { noise: tensor(13) }],
      ["targetLogProb", { targetLogProb: tensor(3) }],
      ["noiseLogProb", { noiseLogProb: tensor(4) }],
      ["noiseLogProb", { noiseLogProb: tensor(3, 4) }],
    ];
    for (const [name, change] of wrong) {
      const scores = { ...good, ...change };
      assertThrows(() => nceLoss(step, scores, 0), TypeError, `nceLoss: ${name} is`);
      assertThrows(() => sampledLoss(step, scores), TypeError, `sampledLoss: ${name} is`);
    }
    const none = { ...good, samples: 0 }, message = "samples is 0, not a positive integer";
    assertThrows(() => nceLoss(step, none, 0), RangeError, message);
  }));
