// A LanguageModel whose output layer is the embedding, too, against float64: gradients, and training on them.

import { assertEquals } from "@std/assert";
import { LanguageModel } from "../../../example/model/model.ts";
import { weightedSum } from "../../../kernels/ops.ts";
import type { Gpu, LossType, Tensor } from "../../../mod.ts";
import { SGD } from "../../../nce/nn/mod.ts";
import { randomIds, values } from "../../reference/data.ts";
import { indexLinear, type IndexLinearProblem } from "../../reference/index_linear.ts";
import { gather, linear } from "../../reference/linear.ts";
import { lstmLayer } from "../../reference/lstm.ts";
import type { Oracle } from "../../reference/oracle.ts";
import { ReferenceSGD } from "../../reference/sgd.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";

/** More units than numbers of a word: the projection lies between. */
const [V, E, H, T, B, K] = [70, 6, 9, 4, 3, 7];
const N = T * B, COEFFICIENTS = { momentum: 0.9, weightDecay: 1e-2, clip: 0.25 };
/** Zipf's law: most words are in few batches, so that their rows wait for updates. */
const COUNTS = Float64Array.from({ length: V }, (_, i) => 1 / (1 + i));

function make(gpu: Gpu, lossType: LossType, perWord: boolean) {
  return new LanguageModel(gpu, {
    ...{ numWords: V, emsize: E, nhid: H, nlayers: 1, dropout: 0, seed: 5, tied: true },
    ...{ noise: COUNTS, noiseRatio: K, perWord, normTerm: 4, lossType },
  });
}

/**
 * The losses [N] by the parameters in their order: the LSTM's four, weight and bias of the projection, the table,
 * the output bias.
 */
function model(input: Uint32Array, scored: Omit<IndexLinearProblem, "width">): Oracle {
  const sizes = { steps: T, batch: B, width: E, size: H };
  return (...parameters) => {
    const lstm = parameters.slice(0, 4);
    const [weight, bias, table, outputBias] = parameters.slice(4) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const words = gather(input, E)(table), states = lstmLayer(sizes)(words.output, ...lstm);
    const context = linear(N, H, E)(states.output, weight, bias);
    const loss = indexLinear({ ...scored, width: E })(context.output, table, outputBias);
    return {
      output: loss.output,
      backward: (dLoss) => {
        const [dContext, dScored, dOutputBias] = loss.backward(dLoss);
        const [dStates, ...dProjection] = context.backward(dContext!);
        const [dWords, ...dLstm] = states.backward(dStates!), [dRead] = words.backward(dWords!);
        const dTable = dScored!.map((d, i) => d + dRead![i]!);
        return [...dLstm, ...dProjection, dTable, dOutputBias!];
      },
    };
  };
}

/** Trains for some steps, each gradient and all parameters in the end compared with float64. */
async function check(gpu: Gpu, lossType: "full" | "nce", perWord: boolean): Promise<void> {
  using tied = make(gpu, lossType, perWord);
  const named = tied.parameters(), what = `${lossType}${perWord ? " per word" : ""}`;
  // All are read at once, as each reading waits for the GPU.
  const read = (tensors: readonly Tensor[]) => Promise.all(tensors.map((t) => gpu.readFloats(t)));
  const parameters = named.map(([, parameter]) => parameter);
  const expected = (await read(parameters)).map((numbers) => Float64Array.from(numbers));
  using optimizer = new SGD(gpu, named, { lr: 0.5, ...COEFFICIENTS });
  const reference = new ReferenceSGD(expected, COEFFICIENTS);
  for (let number = 0; number < 6; number++) {
    // Most rows are read as inputs in some steps, as targets or noise in others.
    const input = randomIds(N, V, number), target = randomIds(N, V, 50 + number);
    const dLoss = values(N, number, number % 3 === 0 ? 0.05 : 1);
    using step = gpu.step({ training: true, seed: 1, number });
    const targets = step.upload(target, [T, B]);
    const noise = await gpu.read(tied.criterion.getNoise(step, step.upload(target)).ids);
    const { loss } = tied.forward(step, step.upload(input, [T, B]), targets);
    const oracle = model(input, {
      ...{ lossType, training: true, target, noise, noiseRatio: K, normTerm: 4 },
      logProb: tied.criterion.noise.probabilities.map(Math.log),
    })(...expected);
    assertClose(await gpu.readFloats(loss), oracle.output, { atol: 2e-5, rtol: 2e-5 }, what);
    const gradients = step.backward(weightedSum(step, loss, step.upload(dLoss)));
    const references = oracle.backward(Float64Array.from(dLoss));
    const dense = await read(parameters.map((parameter) => gradients.toDense(parameter)!));
    for (const [i, [name]] of named.entries()) {
      assertClose(dense[i]!, references[i]!, { atol: 2e-5, rtol: 5e-5 }, `${what}, ${name}`);
    }
    optimizer.step(gradients);
    reference.step(references, 0.5);
  }
  const found = await read(parameters);
  for (const [i, [name]] of named.entries()) {
    assertClose(found[i]!, expected[i]!, { atol: 1e-5, rtol: 2e-5 }, `${what}, trained ${name}`);
  }
}

Deno.test("a tied table has the gradient of both its uses, and is trained as in float64", () =>
  withBothFamilies(async (gpu) => {
    await check(gpu, "full", false);
    await check(gpu, "nce", false);
    await check(gpu, "nce", true);
  }));

Deno.test("so has one that lies in several buffers", () =>
  withGpu(async (gpu) => {
    await check(gpu, "full", false);
    await check(gpu, "nce", true);
  }, { maxBindingBytes: 1 }));

Deno.test("a tied model has one table, which starts as the weight of the output layer does", () =>
  withGpu(async (gpu) => {
    using tied = make(gpu, "nce", false);
    const [table, ...others] = tied.parameters().filter(([, { size }]) => size === V * E);
    assertEquals([table![0], others.length], ["criterion.emb.weight", 0]);
    using untied = new LanguageModel(gpu, {
      ...{ numWords: V, emsize: E, nhid: H, nlayers: 1, dropout: 0, seed: 5 },
      ...{ noise: COUNTS, noiseRatio: K, normTerm: 4, lossType: "nce" },
    });
    const of = new Map(untied.parameters());
    assertEquals(of.size, tied.parameters().length + 1);
    for (const [name, parameter] of tied.parameters()) {
      assertEquals(await gpu.readFloats(parameter), await gpu.readFloats(of.get(name)!), name);
    }
  }));
