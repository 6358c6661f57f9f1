// IndexLinear against float64: every loss, shared noise and noise of each word, at odd sizes.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Gpu,
  IndexLinear,
  type IndexLinearOptions,
  type LossType,
  type Reduction,
} from "../../mod.ts";
import { weightedSum } from "../../kernels/ops.ts";
import { assertClose } from "../support/close.ts";
import { withBothFamilies, withGpu } from "../support/gpu.ts";
import { randomIds, values } from "../reference/data.ts";
import { indexLinear } from "../reference/index_linear.ts";
import { linear } from "../reference/linear.ts";
import { bestOf } from "../reference/top_k.ts";

const TOLERANCE = { atol: 1e-5, rtol: 2e-5 };

type OracleLoss = "full" | "nce" | "sampled" | "mix";

interface Problem {
  rows: number;
  width: number;
  classes: number;
  noiseRatio: number;
  perWord: boolean;
}

/** Counts of a Zipf distribution, so that some classes are drawn often and hit targets. */
function counts(classes: number): Float64Array {
  return Float64Array.from({ length: classes }, (_, i) => 1 / (1 + i));
}

function make(gpu: Gpu, { width, classes, noiseRatio, perWord }: Problem): IndexLinear {
  return new IndexLinear(gpu, {
    embeddingDim: width,
    numClasses: classes,
    noise: counts(classes),
    noiseRatio,
    perWord,
    normTerm: 5,
    reduction: "none",
    seed: 3,
  });
}

/** Compares losses of `criterion`, and in training their gradients, with the oracle's. */
async function check(
  gpu: Gpu,
  criterion: IndexLinear,
  problem: Problem,
  lossType: OracleLoss,
  training: boolean,
): Promise<void> {
  const { rows, width, classes, noiseRatio, perWord } = problem;
  criterion.lossType = lossType;
  using step = gpu.step({ training, seed: 1, number: 2 });
  const ids = randomIds(rows, classes, rows), x = values(rows * width, 1);
  const target = step.upload(ids), input = step.upload(x, [rows, width]);
  input.requiresGrad = true;
  const noise = await gpu.read(criterion.getNoise(step, target).ids);
  assertEquals(noise.length, perWord ? rows * noiseRatio : noiseRatio);
  const parameters = [criterion.weight, criterion.bias];
  const data = await Promise.all(parameters.map((parameter) => gpu.readFloats(parameter)));
  const expected = indexLinear({
    lossType,
    training,
    width,
    target: ids,
    noise,
    noiseRatio,
    logProb: criterion.noise.probabilities.map(Math.log),
    normTerm: 5,
  })(Float64Array.from(x), ...data.map((array) => Float64Array.from(array)));
  const name = `${lossType}${training ? "" : " evaluated"} ${JSON.stringify(problem)}`;
  const loss = criterion.forward(step, target, input);
  assertClose(await gpu.readFloats(loss), expected.output, TOLERANCE, name);
  if (!training) return;
  const dLoss = values(rows, 9);
  const gradients = step.backward(weightedSum(step, loss, step.upload(dLoss)));
  const references = expected.backward(Float64Array.from(dLoss));
  for (const [i, tensor] of [input, ...parameters].entries()) {
    const gradient = await gpu.readFloats(gradients.toDense(tensor)!);
    assertClose(gradient, references[i]!, TOLERANCE, `${name}, gradient ${i}`);
  }
}

Deno.test("IndexLinear agrees with float64 in every loss, for shared noise and noise of each word", () =>
  withBothFamilies(async (gpu) => {
    for (const perWord of [false, true]) {
      const problem = { rows: 33, width: 13, classes: 65, noiseRatio: 7, perWord };
      using criterion = make(gpu, problem);
      for (const lossType of ["nce", "sampled", "mix", "full"] as const) {
        await check(gpu, criterion, problem, lossType, true);
      }
    }
  }));

/** Launches for products, whose number depends on the sizes and the family. */
const PRODUCTS = ["matmul", "columnSums", "pad"];

Deno.test("IndexLinear takes few launches besides those for products", () =>
  withBothFamilies(async (gpu) => {
    const launches = async (lossType: LossType, perWord: boolean) => {
      const problem = { rows: 33, width: 12, classes: 64, noiseRatio: 7, perWord };
      using criterion = make(gpu, problem);
      criterion.lossType = lossType;
      using step = gpu.step({ training: true });
      const target = step.upload(randomIds(33, 64, 1)), weight = step.upload(values(33, 2));
      const input = step.upload(values(33 * 12, 1), [33, 12]);
      input.requiresGrad = true;
      const { rows } = await gpu.profile(() => {
        step.backward(weightedSum(step, criterion.forward(step, target, input), weight));
      });
      const others = rows.filter(({ label }) => !PRODUCTS.includes(label));
      return others.map(({ label, runs }) => `${label} ${runs}`).sort();
    };
    const loss = ["alias 1", "countHits 1", "nceLoss 1", "nceLoss.backward 1", "sum 1"];
    const merging = ["concatIds 1", "rows.sum 2", "sort.segments 1", "sort.sort 1"];
    const shared = ["gather 4", "indexScore 1", "indexScore.dinput 1"];
    assertEquals(await launches("nce", false), [...loss, ...merging, ...shared].sort());
    const own = ["gather 2", "indexScore 2", "indexScore.dinput 2"];
    assertEquals(await launches("nce", true), [...loss, ...merging, ...own].sort());
    const exact = ["crossEntropy.accumulate 1", "crossEntropy.gradient 1", "sum 1"];
    assertEquals(await launches("full", false), exact);
  }));

Deno.test("IndexLinear agrees with float64 in every loss when evaluated", () =>
  withGpu(async (gpu) => {
    const problem = { rows: 9, width: 4, classes: 17, noiseRatio: 5, perWord: false };
    using criterion = make(gpu, problem);
    for (const lossType of ["nce", "sampled", "full"] as const) {
      await check(gpu, criterion, problem, lossType, false);
    }
  }));

Deno.test("IndexLinear agrees with float64 at the smallest sizes and with more noise than classes", () =>
  withGpu(async (gpu) => {
    for (const perWord of [false, true]) {
      for (const [rows, width, classes, noiseRatio] of [[1, 1, 1, 1], [2, 3, 2, 65]] as const) {
        const problem = { rows, width, classes, noiseRatio, perWord };
        using criterion = make(gpu, problem);
        await check(gpu, criterion, problem, "nce", true);
        await check(gpu, criterion, problem, "sampled", true);
      }
    }
  }));

Deno.test("IndexLinear takes targets of any shape, and reduces as it is told", () =>
  withGpu(async (gpu) => {
    const losses = new Map<Reduction, Float32Array>();
    for (const reduction of ["none", "sum", "mean"] as const) {
      using criterion = new IndexLinear(gpu, {
        embeddingDim: 3,
        numClasses: 10,
        noise: counts(10),
        noiseRatio: 4,
        reduction,
        lossType: "full",
      });
      gpu.write(criterion.weight, values(30, 1));
      using step = gpu.step();
      const target = step.upload(randomIds(8, 10, 1), [2, 4]);
      const loss = criterion.forward(step, target, step.upload(values(24, 2), [2, 4, 3]));
      assertEquals(loss.shape, reduction === "none" ? [2, 4] : [1]);
      losses.set(reduction, await gpu.readFloats(loss));
    }
    const total = losses.get("none")!.reduce((sum, loss) => sum + loss, 0);
    assertClose(losses.get("sum")!, [total]);
    assertClose(losses.get("mean")!, [total / 8]);
  }));

Deno.test("IndexLinear starts as the noise: bias ln q + c, weights uniform within 1 / sqrt(E)", () =>
  withGpu(async (gpu) => {
    using criterion = new IndexLinear(gpu, { embeddingDim: 16, numClasses: 65, noise: counts(65) });
    assertEquals(criterion.noiseRatio, 100);
    assertEquals(criterion.normTerm, Math.log(65));
    const q = criterion.noise.probabilities;
    const bias = await gpu.readFloats(criterion.bias);
    assertClose(bias, q.map((p) => Math.log(p) + Math.log(65)));
    const weight = await gpu.readFloats(criterion.weight);
    assert(weight.every((w) => Math.abs(w) <= 0.25) && weight.some((w) => Math.abs(w) > 0.2));
    using same = new IndexLinear(gpu, {
      ...{ embeddingDim: 16, numClasses: 65, noise: counts(65), seed: 0 },
    });
    assertEquals(await gpu.read(same.weight), weight);
    const names = criterion.parameters().map(([name, { shape }]) => `${name} [${shape}]`);
    assertEquals(names, ["emb.weight [65,16]", "bias.weight [65]"]);
    // Without an input, the loss is the noise's own negative log probability.
    using step = gpu.step();
    criterion.lossType = "full";
    const loss = criterion.forward(
      step,
      step.upload(Uint32Array.of(4)),
      step.upload(
        new Float32Array(16),
      ),
    );
    assertClose(await gpu.readFloats(loss), [-Math.log(q[4]!)]);
  }));

Deno.test("IndexLinear throws a RangeError when noise, sizes or the noise ratio do not fit", () =>
  withGpu((gpu) => {
    const good: IndexLinearOptions = { embeddingDim: 3, numClasses: 10, noise: counts(10) };
    const wrong: [Partial<IndexLinearOptions>, string][] = [
      [{ noise: counts(7) }, "noise has 7 classes, not 10"],
      [{ noiseRatio: 0 }, "noiseRatio is 0"],
      [{ noiseRatio: 1.5 }, "noiseRatio is 1.5"],
      [{ embeddingDim: 0 }, "embeddingDim is 0"],
      [{ numClasses: 2.5 }, "numClasses is 2.5"],
      [{ normTerm: NaN }, "normTerm is NaN"],
    ];
    for (const [change, message] of wrong) {
      assertThrows(() => new IndexLinear(gpu, { ...good, ...change }), RangeError, message);
    }
  }));

Deno.test("IndexLinear throws when a target is no class or the input does not fit the targets", () =>
  withGpu((gpu) => {
    using criterion = new IndexLinear(gpu, { embeddingDim: 3, numClasses: 10, noise: counts(10) });
    using step = gpu.step({ training: true });
    const input = step.upload(values(6, 1), [2, 3]);
    const good = step.upload(Uint32Array.of(1, 9)), large = step.upload(Uint32Array.of(1, 10));
    const three = step.upload(Uint32Array.of(1, 2, 3));
    for (const shape of [[3, 2], [6]]) {
      const turned = step.upload(values(6, 1), shape), message = `Cannot score [${shape}]`;
      assertThrows(() => criterion.forward(step, good, turned), TypeError, message);
    }
    for (const lossType of ["nce", "sampled", "mix", "full"] satisfies LossType[]) {
      criterion.lossType = lossType;
      assertThrows(() => criterion.forward(step, large, input), RangeError, "up to 10,");
      const message = lossType === "full"
        ? "3 targets for 2 rows of input"
        : "Cannot score [2,3] for 3 targets: expected 3 rows of 3";
      assertThrows(() => criterion.forward(step, three, input), TypeError, message);
      criterion.forward(step, good, input);
    }
  }));

Deno.test("topK() gives the best classes of each row of the input, as float64 does", () =>
  withBothFamilies(async (gpu) => {
    const [rows, width, classes, k] = [6, 5, 200, 7];
    using criterion = make(gpu, { rows, width, classes, noiseRatio: 3, perWord: false });
    const x = values(rows * width, 1), weight = await gpu.readFloats(criterion.weight);
    const all = linear(rows, width, classes)(
      ...[x, weight, await gpu.readFloats(criterion.bias)].map((a) => Float64Array.from(a)),
    ).output;
    using step = gpu.step();
    const { ids, scores } = criterion.topK(step, k, step.upload(x, [2, 3, width]));
    const expected = Array.from({ length: rows }, (_, n) => {
      return bestOf(all.subarray(n * classes, (n + 1) * classes), k);
    });
    assertEquals([...await gpu.read(ids)], expected.flatMap((best) => [...best]));
    const best = expected.flatMap((ids, n) => Array.from(ids, (id) => all[n * classes + id]!));
    assertClose(await gpu.readFloats(scores), best, TOLERANCE, "scores");
    const narrow = step.upload(values(rows * 4 + 2, 1));
    const message = "Cannot score [26]: expected rows of 5";
    assertThrows(() => criterion.topK(step, k, narrow), TypeError, message);
  }));
