// The oracles themselves: gradients against central differences, values against closed forms.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { assertClose } from "../support/close.ts";
import * as arithmetic from "./arithmetic.ts";
import { chiSquareProbability, chiSquareSurvival } from "./chi_square.ts";
import { logProbabilities, randomIds, values } from "./data.ts";
import { indexLinear } from "./index_linear.ts";
import * as linear from "./linear.ts";
import * as losses from "./losses.ts";
import { lstmLayer, lstmStack } from "./lstm.ts";
import { assertGradients } from "./oracle.ts";
import { ReferenceSGD } from "./sgd.ts";

/** Random float64 inputs of these sizes. */
function inputs(...sizes: number[]): Float64Array[] {
  return sizes.map((n, i) => Float64Array.from(values(n, i + 1)));
}

Deno.test("arithmetic oracles agree with central differences", () => {
  assertGradients(arithmetic.add, inputs(5, 5), "add");
  assertGradients(arithmetic.multiply, inputs(5, 5), "multiply");
  assertGradients(arithmetic.affine(-2, 3), inputs(5), "affine");
  assertGradients(arithmetic.sum, inputs(5), "sum");
  assertGradients(arithmetic.mean, inputs(5), "mean");
  assertGradients(arithmetic.weightedSum([1, -2, 3]), inputs(3), "weightedSum");
});

Deno.test("matmul oracle agrees with central differences in every transposition", () => {
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      const oracle = linear.matmul(2, 3, 4, { transposeA, transposeB });
      assertGradients(oracle, inputs(6, 12), `matmul ${transposeA} ${transposeB}`);
    }
  }
  const product = linear.product(Float64Array.of(1, 2, 3, 4), Float64Array.of(5, 6, 7, 8), 2, 2, 2);
  assertEquals([...product], [19, 22, 43, 50]);
});

Deno.test("linear, gather, embeddingBag and indexScore oracles agree with central differences", () => {
  assertGradients(linear.linear(3, 2, 4), inputs(6, 8, 4), "linear with bias");
  assertGradients(linear.linear(3, 2, 4), inputs(6, 8), "linear without bias");
  assertGradients(linear.gather([4, 0, 4, 2], 3), inputs(15), "gather");
  const weights = [1, 0.5, 0, 2, -1, 0.25];
  assertGradients(linear.embeddingBag([4, 0, 4, 2, 2, 2], weights, 3, 3), inputs(15), "bag");
  assertGradients(linear.indexScore([4, 0, 4, 2, 2, 2], 2, 3), inputs(9, 15, 5), "indexScore");
});

Deno.test("loss oracles agree with central differences", () => {
  const target = logProbabilities(3, 1);
  for (const [name, noise] of [["shared", 4], ["per row", 12]] as const) {
    const logProbs = { target, noise: logProbabilities(noise, 2) };
    assertGradients(losses.nceLoss(logProbs, 1.5), inputs(3, 12), `nce, ${name}`);
    assertGradients(losses.sampledLoss(logProbs), inputs(3, 12), `sampled, ${name}`);
    assertGradients(losses.logPartition(logProbs), inputs(3, 12), `log partition, ${name}`);
  }
  for (const parts of [undefined, { loss: 0.7, logZ: -1.3 }]) {
    assertGradients(losses.crossEntropy([4, 0, 4], 2, parts), inputs(6, 10, 5), "crossEntropy");
  }
});

Deno.test("indexLinear oracle agrees with central differences in every loss", () => {
  const constants = { width: 2, target: [4, 0, 4], noiseRatio: 2, normTerm: 1 };
  const logProb = logProbabilities(5, 1);
  for (const lossType of ["nce", "sampled", "mix", "full"] as const) {
    for (const noise of [[1, 4], [1, 4, 0, 0, 2, 3]]) {
      for (const training of [true, false]) {
        const oracle = indexLinear({ ...constants, lossType, training, noise, logProb });
        assertGradients(oracle, inputs(6, 10, 5), `${lossType}, ${noise}, ${training}`);
      }
    }
  }
});

Deno.test("lstm oracles agree with central differences, from zero and from a given state", () => {
  const sizes = { steps: 3, batch: 2, width: 2, size: 3 };
  const [x, weightIh, weightHh, biasIh, biasHh, hidden, cell, weightIh1] = inputs(
    ...[12, 24, 36, 12, 12, 6, 6, 36],
  ) as [...Float64Array[]] & { length: 8 };
  const layer = [x!, weightIh!, weightHh!, biasIh!, biasHh!];
  assertGradients(lstmLayer(sizes), layer, "lstm");
  const state = { hidden: hidden!, cell: cell! };
  assertGradients(lstmLayer(sizes, state), layer, "lstm with a state");
  const stacked = [...layer, weightIh1!, weightHh!, biasIh!, biasHh!];
  assertGradients(lstmStack(sizes, 2), stacked, "two layers");
});

Deno.test("lstm oracle continues from its own final state", () => {
  const sizes = { steps: 4, batch: 2, width: 2, size: 3 };
  const [x, ...weights] = inputs(16, 24, 36, 12, 12);
  const whole = lstmLayer(sizes)(x!, ...weights);
  const half = { ...sizes, steps: 2 };
  const first = lstmLayer(half)(x!.slice(0, 8), ...weights);
  const second = lstmLayer(half, first.state)(x!.slice(8), ...weights);
  assertClose([...first.output, ...second.output], whole.output);
});

Deno.test("loss oracles give the closed form and stay finite at extreme scores", () => {
  const even = losses.nceLoss({ target: [0], noise: [0] }, 0)(
    Float64Array.of(0),
    Float64Array.of(0),
  );
  assertAlmostEquals(even.output[0]!, 2 * Math.LN2, 1e-15);
  const three = losses.sampledLoss({ target: [0], noise: [0, 0] });
  assertAlmostEquals(
    three(new Float64Array(1), new Float64Array(2)).output[0]!,
    Math.log(3),
    1e-15,
  );
  const uniform = losses.crossEntropy([0, 3], 1)(
    ...[2, 5, 5].map((size) => new Float64Array(size)),
  );
  assertClose(uniform.output, [Math.log(5), Math.log(5)]);
  const far = losses.nceLoss({ target: [0], noise: [0] }, 0);
  const { output, backward } = far(Float64Array.of(-900), Float64Array.of(900));
  assertEquals(output[0], 1800);
  assertEquals(backward(Float64Array.of(1)).map((d) => d[0]), [-1, 1]);
});

Deno.test("ReferenceSGD follows the update by hand", () => {
  const p = Float64Array.of(1);
  const sgd = new ReferenceSGD([p], { momentum: 0.5, weightDecay: 0.1, clip: 1 });
  sgd.step([Float64Array.of(0.4)], 0.1); // d = 0.4 + 0.1; m = 0.5
  assertAlmostEquals(p[0]!, 0.95, 1e-12);
  sgd.step([Float64Array.of(-3)], 0.1); // clipped to -1; d = -1 + 0.095; m = 0.25 - 0.905
  assertAlmostEquals(p[0]!, 0.95 + 0.0655, 1e-6);
  assertEquals(sgd.norm, 3);
});

Deno.test("chiSquareSurvival() agrees with tabulated values", () => {
  const table = [[3.841, 1, 0.05], [18.307, 10, 0.05], [29.588, 10, 0.001], [124.342, 100, 0.05]];
  for (const [x, degrees, p] of table as [number, number, number][]) {
    assertAlmostEquals(chiSquareSurvival(x, degrees), p, 0.1 * p);
  }
  assertAlmostEquals(chiSquareSurvival(99.334, 100), 0.5, 1e-3);
});

Deno.test("chiSquareProbability() accepts the right distribution and rejects a shifted one", () => {
  const counts = new Uint32Array(20);
  for (const id of randomIds(100_000, 20, 7)) counts[id]!++;
  const even = new Float64Array(20).fill(1 / 20);
  const p = chiSquareProbability(counts, even);
  if (!(p > 1e-3)) throw new Error(`p is ${p}`);
  const shifted = even.map((q, i) => i === 0 ? q * 1.1 : q * (1 - 0.1 / 19));
  const rejected = chiSquareProbability(counts, shifted);
  if (!(rejected < 1e-6)) throw new Error(`p is ${rejected}`);
});
