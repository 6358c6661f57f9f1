// Gradients of a batch's parts, summed over ranks, against those of the whole batch.

import { assertEquals, assertRejects } from "@std/assert";
import {
  add,
  crossEntropy,
  gather,
  indexScore,
  linear,
  scale,
  sum,
  weightedSum,
} from "../../../kernels/ops.ts";
import { ALONE, backwardAcross, type Communicator } from "../../../kernels/mod.ts";
import type { Gpu, Step, Tensor } from "../../../mod.ts";
import { type NamedParameter, SGD } from "../../../nce/nn/mod.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { onRanks } from "../../support/ranks.ts";
import { randomIds, values } from "../../reference/data.ts";

const [V, E, N] = [200, 6, 18];
const SHAPES = { table: [V, E], bias: [V], dense: [E, E], output: [V, E], outputBias: [V] };
/** Bytes of scores and of a gradient that may be held, so that the output's is tiled. */
const HELD_BYTES = 4608;
const STEPS = 12;

type Model = Record<keyof typeof SHAPES, Tensor>;

function modelOf(gpu: Gpu): Model {
  const made = Object.entries(SHAPES).map(([name, shape], i) => {
    const tensor = gpu.tensor(shape, values(shape.reduce((a, b) => a * b, 1), i + 1, 0.5));
    tensor.requiresGrad = true;
    return [name, tensor];
  });
  return Object.fromEntries(made);
}

/** The rows' part of a mean over N, with gradients that are dense, tiled, of own rows and of shared rows. */
function lossOf(step: Step, model: Model, ids: Uint32Array, shared: Uint32Array): Tensor {
  const own = step.upload(ids), samples = step.markShared(step.upload(shared));
  const weight = step.upload(new Float32Array(ids.length).fill(1 / N));
  const x = linear(step, gather(step, model.table, own), model.dense);
  const exact = crossEntropy(step, x, model.output, model.outputBias, own, HELD_BYTES);
  const contrast = sum(step, linear(step, x, gather(step, model.table, samples)));
  const biases = weightedSum(step, gather(step, model.bias, own), weight);
  return [weightedSum(step, exact, weight), scale(step, contrast, 0.1 / N)]
    .reduce((total, part) => add(step, total, part), biases);
}

/** Trains with the rows divided; all that the optimizer has at the end. */
async function train(
  gpu: Gpu,
  communicator: Communicator,
): Promise<Map<string, ArrayLike<number>>> {
  const model = modelOf(gpu), { rank, size } = communicator;
  const parameters: NamedParameter[] = Object.entries(model);
  const results = new Map<string, ArrayLike<number>>();
  {
    using optimizer = new SGD(gpu, parameters, {
      ...{ lr: 0.1, momentum: 0.9, weightDecay: 1e-3, clip: 0.05 }, // low enough to cut
    });
    const losses: number[] = [];
    for (let number = 0; number < STEPS; number++) {
      using step = gpu.step({ training: true, number });
      const ids = randomIds(N, V, number).filter((_, i) => i % size === rank);
      const loss = lossOf(step, model, ids, randomIds(4, V, 100 + number));
      const extra = Float32Array.of(rank + 1);
      const across = await backwardAcross(step, loss, communicator, extra);
      assertEquals(across.extra[0], size * (size + 1) / 2);
      assertEquals(across.gradients.get(model.output)?.kind, "tiled");
      assertEquals(across.gradients.get(model.table)?.kind, "sparse");
      optimizer.step(across.gradients);
      losses.push(...await gpu.readFloats(across.loss));
    }
    results.set("losses", losses);
    const { tensors } = await optimizer.save();
    for (const [name, { data }] of Object.entries(tensors)) results.set(name, data);
  }
  for (const [, tensor] of parameters) tensor.dispose();
  return results;
}

Deno.test("backwardAcross() ranks trains as one rank does, and ranks have the same bits, deferred rows included", async () => {
  const [one] = await onRanks(1, train);
  for (const size of [2, 3]) {
    const all = await onRanks(size, train);
    for (const rank of all) assertEquals(rank, all[0]);
    for (const [name, numbers] of one!) {
      if (name.endsWith(".steps")) assertEquals(all[0]!.get(name), numbers);
      else assertClose(all[0]!.get(name)!, numbers, { atol: 1e-6, rtol: 1e-6 }, name);
    }
  }
});

Deno.test("backwardAcross() sums a tiled gradient that a dense one has joined", async () => {
  const gradient = async (gpu: Gpu, communicator: Communicator) => {
    const model = modelOf(gpu), { rank, size } = communicator;
    try {
      using step = gpu.step({ training: true });
      const own = step.upload(randomIds(N, V, 1).filter((_, i) => i % size === rank));
      const x = gather(step, model.table, own);
      const loss = sum(
        step,
        crossEntropy(step, x, model.output, model.outputBias, own, HELD_BYTES),
      );
      const total = add(step, loss, scale(step, sum(step, model.output), 1 / size));
      const { gradients } = await backwardAcross(step, total, communicator);
      return await gpu.readFloats(gradients.toDense(model.output)!);
    } finally {
      for (const tensor of Object.values(model)) tensor.dispose();
    }
  };
  const [one] = await onRanks(1, gradient), [two] = await onRanks(2, gradient);
  assertClose(two!, one!, { atol: 1e-5 });
});

Deno.test("backwardAcross() sums a tiled gradient of more than 16 MiB, which has several tiles", async () => {
  const [V, E] = [70_000, 64], held = 2 ** 21;
  const gradient = async (gpu: Gpu, communicator: Communicator) => {
    const { rank, size } = communicator;
    using output = gpu.table([V, E], values(V * E, 1)), bias = gpu.table([V]);
    output.requiresGrad = true;
    using step = gpu.step({ training: true });
    const own = [0, 1].filter((i) => i % size === rank);
    const targets = step.upload(Uint32Array.from(own, (i) => [5, V - 1][i]!));
    const rows = Float32Array.from(own.flatMap((i) => [...values(E, 2 + i)]));
    const x = step.upload(rows, [own.length, E]);
    const loss = sum(step, crossEntropy(step, x, output, bias, targets, held));
    const { gradients } = await backwardAcross(step, loss, communicator);
    assertEquals(gradients.get(output)?.kind, "tiled");
    return await gpu.readFloats(gradients.toDense(output)!);
  };
  const [one] = await onRanks(1, gradient), [two] = await onRanks(2, gradient);
  assertClose(two!, one!, { atol: 1e-6 });
});

Deno.test("backwardAcross() sums rows that shared ids have by coefficients", async () => {
  const ids = randomIds(4, V, 1), rowsOf = (rank: number) => values(4 * E, 5 + rank);
  const gradients = await onRanks(2, async (gpu, communicator) => {
    const { rank } = communicator, model = modelOf(gpu);
    try {
      using step = gpu.step({ training: true });
      const x = step.upload(rowsOf(rank), [4, E]), shared = step.markShared(step.upload(ids));
      const scores = indexScore(step, x, model.table, model.bias, shared);
      const loss = scale(step, sum(step, scores), rank + 1);
      const { gradients } = await backwardAcross(step, loss, communicator);
      return await gpu.readFloats(gradients.toDense(model.table)!);
    } finally {
      for (const tensor of Object.values(model)) tensor.dispose();
    }
  });
  const expected = new Float64Array(V * E);
  for (const rank of [0, 1]) {
    rowsOf(rank).forEach((x, i) =>
      expected[ids[Math.floor(i / E)]! * E + i % E]! += (rank + 1) * x
    );
  }
  for (const gradient of gradients) assertClose(gradient, expected);
});

Deno.test("backwardAcross() throws a TypeError when ranks have other gradients, or an argument is wrong", async () => {
  await assertRejects(
    () =>
      onRanks(2, async (gpu, communicator) => {
        using weight = gpu.tensor([2 + communicator.rank], new Float32Array(2 + communicator.rank));
        weight.requiresGrad = true;
        using step = gpu.step({ training: true });
        return await backwardAcross(step, sum(step, weight), communicator);
      }),
    TypeError,
    "Cannot sum gradients: those of rank",
  );
  await withGpu(async (gpu) => {
    using weight = gpu.tensor([2]);
    weight.requiresGrad = true;
    using step = gpu.step({ training: true });
    const wrong = JSON.parse("{}");
    const call = () => backwardAcross(step, sum(step, weight), wrong);
    await assertRejects(call, TypeError, "an object is no Communicator");
    const without = () => Reflect.apply(backwardAcross, undefined, [null, weight, ALONE]);
    await assertRejects(without, TypeError, "Cannot run backwardAcross");
  });
});
