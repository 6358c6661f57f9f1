// Rows of divided tables: what a step fetches, what it returns, and what the optimizer makes of it.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { add, gather, indexScore, scale, sum } from "../../../kernels/ops.ts";
import {
  backwardAcross,
  type Communicator,
  fetchRows,
  ownRows,
  ranksInProcess,
} from "../../../kernels/mod.ts";
import { type Gpu, IndexLinear, type Step, type Tensor } from "../../../mod.ts";
import {
  Adagrad,
  Adam,
  Embedding,
  type NamedParameter,
  type Optimizer,
  SGD,
} from "../../../nce/nn/mod.ts";
import { randomIds, values } from "../../reference/data.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import { onRanks } from "../../support/ranks.ts";

const [V, E, N, K] = [50, 5, 12, 3];
const STEPS = 6;

/** A rank's rows of a table of these numbers, in several buffers if a binding holds few bytes. */
function divided(
  gpu: Gpu,
  whole: Float32Array,
  width: number,
  { rank, size }: Communicator,
): Tensor {
  const own = size > 1 ? ownRows(whole, width, { rank, ranks: size }) : whole;
  const row = width === 1 ? [] : [width];
  const table = gpu.table([own.length / width, ...row], own);
  if (size > 1) table.shard = { rank, ranks: size, rows: whole.length / width };
  table.requiresGrad = true;
  return table;
}

const TABLE = values(V * E, 1, 0.5), BIAS = values(V, 2, 0.5), INPUT = values(N * E, 3, 1);

Deno.test("fetchRows() gives each rank the rows of its ids, repeats and rows of one rank included", async () => {
  const ids = (rank: number) =>
    [Uint32Array.of(0, 49, 7, 7, 3), Uint32Array.of(3), Uint32Array.of(9, 6, 3, 0, 0, 12)][rank]!;
  const all = await onRanks(3, async (gpu, communicator) => {
    using table = divided(gpu, TABLE, E, communicator);
    using bias = divided(gpu, BIAS, 1, communicator);
    using step = gpu.step();
    const own = step.upload(ids(communicator.rank));
    await fetchRows(step, [{ tables: [table, bias], ids: [own] }], communicator);
    const missing = gather(step, bias, step.upload(Uint32Array.of(48)));
    assertEquals(await gpu.read(missing), Float32Array.of(NaN));
    return [await gpu.read(gather(step, table, own)), await gpu.read(gather(step, bias, own))];
  });
  for (const [rank, [rows, biases]] of all.entries()) {
    const expected = [...ids(rank)].flatMap((id) => [...TABLE.subarray(id * E, (id + 1) * E)]);
    assertEquals([...rows!], expected);
    assertEquals([...biases!], [...ids(rank)].map((id) => BIAS[id]!));
  }
});

Deno.test("rows that were fetched are found by the ids as they are, though these are written anew", async () => {
  await onRanks(2, async (gpu, communicator) => {
    using table = divided(gpu, BIAS, 1, communicator);
    using step = gpu.step();
    const first = Uint32Array.of(3, 8), second = Uint32Array.of(8, 3), ids = step.upload(first);
    await fetchRows(step, [{ tables: [table], ids: [ids] }], communicator);
    for (const own of [first, second]) {
      gpu.write(ids, own);
      const rows = await gpu.read(gather(step, table, ids));
      assertEquals([...rows], [...own].map((id) => BIAS[id]!));
    }
  });
});

/**
 * A loss that looks rows up in every way; the ids of a step are those of the rank's columns. In odd steps the table
 * has rows that the bias has not, and they are fetched apart.
 */
async function lossOf(
  step: Step,
  [table, bias]: readonly [Tensor, Tensor],
  ids: Uint32Array,
  input: Float32Array,
  communicator: Communicator,
): Promise<Tensor> {
  const own = step.upload(ids, [ids.length / K, K]), x = step.upload(input, [ids.length / K, E]);
  const isApart = step.number % 2 > 0;
  const read = isApart ? step.upload(ids.map((id) => (7 * id + 3) % V)) : own;
  const requests = isApart
    ? [{ tables: [table], ids: [own, read] }, { tables: [bias], ids: [own] }]
    : [{ tables: [table, bias], ids: [own] }];
  await fetchRows(step, requests, communicator);
  const scores = indexScore(step, x, table, bias, own), rows = gather(step, table, read);
  return add(step, sum(step, scores), scale(step, sum(step, rows), 0.5));
}

/** Trains with the rows divided; all that the optimizer has at the end, and the norm and loss of each step. */
async function train(
  make: (gpu: Gpu, parameters: readonly NamedParameter[]) => Optimizer,
  gpu: Gpu,
  communicator: Communicator,
): Promise<Map<string, number[]>> {
  const { rank, size } = communicator, results = new Map<string, number[]>();
  const norms: number[] = [], losses: number[] = [];
  using table = divided(gpu, TABLE, E, communicator);
  using bias = divided(gpu, BIAS, 1, communicator);
  using optimizer = make(gpu, [["table", table], ["bias", bias]]);
  for (let number = 0; number < STEPS; number++) {
    using step = gpu.step({ training: true, number });
    const columns = Array.from({ length: N }, (_, i) => i).filter((i) => i % size === rank);
    const all = randomIds(N * K, number === 0 ? 1 : V, number);
    const ids = Uint32Array.from(columns.flatMap((i) => [...all.subarray(i * K, (i + 1) * K)]));
    const input = Float32Array.from(
      columns.flatMap((i) => [...INPUT.subarray(i * E, (i + 1) * E)]),
    );
    const loss = await lossOf(step, [table, bias], ids, input, communicator);
    const across = await backwardAcross(step, loss, communicator);
    optimizer.step(across.gradients);
    losses.push(...await gpu.readFloats(across.loss));
    norms.push(...await gpu.readFloats(optimizer.norm));
  }
  results.set("norms", norms);
  results.set("losses", losses);
  using state = optimizer.state();
  for (const [name, tensor] of state.tensors) {
    const width = tensor.size / tensor.shape[0]!, whole: number[] = [];
    const own = Float32Array.from(await gpu.read(tensor));
    for (const [rank, rows] of (await communicator.gather(own)).entries()) {
      rows.forEach((x, i) => {
        whole[(Math.floor(i / width) * size + rank) * width + i % width] = x;
      });
    }
    results.set(name, whole);
  }
  return results;
}

const OPTIMIZERS = {
  "SGD with deferred rows": (gpu: Gpu, parameters: readonly NamedParameter[]) =>
    new SGD(gpu, parameters, { lr: 0.1, momentum: 0.9, weightDecay: 1e-3, clip: 0.5 }),
  Adam: (gpu: Gpu, parameters: readonly NamedParameter[]) =>
    new Adam(gpu, parameters, { lr: 0.01, clip: 0.5 }),
  "row-wise Adagrad": (gpu: Gpu, parameters: readonly NamedParameter[]) =>
    new Adagrad(gpu, parameters, { lr: 0.1, rowwise: true }),
};

Deno.test("backwardAcross() returns gradients to the ranks that hold the rows: they train as one rank does", async () => {
  for (const [name, make] of Object.entries(OPTIMIZERS)) {
    const [one] = await onRanks(1, (gpu, communicator) => train(make, gpu, communicator));
    for (const size of [2, 3]) {
      const all = await onRanks(size, (gpu, communicator) => train(make, gpu, communicator));
      for (const rank of all) assertEquals(rank, all[0], name);
      for (const [what, numbers] of one!) {
        if (what.endsWith(".steps")) assertEquals(all[0]!.get(what), numbers);
        else assertClose(all[0]!.get(what)!, numbers, { atol: 1e-6, rtol: 1e-6 }, name + what);
      }
    }
  }
});

/** Tables in several buffers, and one whose shard is drawn in two pieces. */
const STARTS = [
  [3000, 3, { rank: 1, ranks: 3 }, 2 ** 12],
  [325, 4096, { rank: 1, ranks: 5 }, 2 ** 27],
  [90, 3, { rank: 0, ranks: 1 }, 2 ** 27],
] as const;

Deno.test("a shard of a layer starts as these rows of the whole layer do", async () => {
  for (const [rows, width, shard, maxBindingBytes] of STARTS) {
    await withGpu(async (gpu) => {
      const noise = values(rows, 6, 1).map(Math.abs);
      const layer = { embeddingDim: width, numClasses: rows, noise, noiseRatio: 2, seed: 3 };
      using whole = new IndexLinear(gpu, layer), part = new IndexLinear(gpu, { ...layer, shard });
      for (const name of ["weight", "bias"] as const) {
        const all = await gpu.readFloats(whole[name]), own = await gpu.readFloats(part[name]);
        assert(isSame(own, ownRows(all, all.length / rows, shard)), `${rows} rows, ${name}`);
        assertEquals(part[name].shard !== undefined, shard.ranks > 1);
      }
    }, { maxBindingBytes });
  }
});

function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

Deno.test("a divided table is refused where its rows were not fetched, or all are needed", async () => {
  await onRanks(2, async (gpu, communicator) => {
    const { rank } = communicator, shard = { rank, ranks: 2 };
    using encoder = new Embedding(gpu, { numEmbeddings: V, embeddingDim: E, shard });
    using layer = new IndexLinear(gpu, {
      ...{ embeddingDim: E, numClasses: V, noise: new Float32Array(V).fill(1), noiseRatio: 2 },
      ...{ lossType: "full", shard },
    });
    using step = gpu.step();
    const ids = step.upload(Uint32Array.of(1)), x = step.upload(values(E, 1, 1), [1, E]);
    const unfetched = "is a part of a table of 50 rows, which fetchRows() has to fetch first";
    assertThrows(() => encoder.forward(step, ids), TypeError, unfetched);
    assertThrows(() => layer.getScore(step, ids, ids, x), TypeError, unfetched);
    for (const call of [() => layer.forward(step, ids, x), () => layer.topK(step, 1, x)]) {
      assertThrows(call, TypeError, "a rank has the scores of its own shard alone");
    }
    const requests = [{ tables: [encoder.weight], ids: [ids] }];
    const others = [[0, 3], [communicator.rank ^ 1, 2]] as const;
    for (const [rank, ranks] of others) {
      await assertRejects(
        () => fetchRows(step, requests, ranksInProcess(ranks)[rank]!),
        TypeError,
        `is not what rank ${rank} of ${ranks} holds`,
      );
    }
    await assertRejects(
      () => fetchRows(step, [{ tables: [encoder.weight, x], ids: [ids] }], communicator),
      TypeError,
      "Cannot fetch rows: a table [1,",
    );
    for (const wrong of [null, [{}], [{ tables: [], ids: [ids] }], [{ tables: [x], ids: [1] }]]) {
      const call = () => Reflect.apply(fetchRows, undefined, [step, wrong, communicator]);
      await assertRejects(call, TypeError, "Cannot fetch rows: ");
    }
    for (const wrong of [[null, requests, communicator], [step, requests, null]]) {
      const call = () => Reflect.apply(fetchRows, undefined, wrong);
      await assertRejects(call, TypeError, wrong[0] === null ? "fetchRows" : "no Communicator");
    }
    const high = step.upload(Uint32Array.of(V));
    await assertRejects(
      () => fetchRows(step, [{ tables: [encoder.weight], ids: [high] }], communicator),
      RangeError,
      "may be up to 50",
    );
    assertThrows(() => encoder.forward(step, high), RangeError, "may be up to 50, which is out");
    const half = { numEmbeddings: V, embeddingDim: E + 1, shard, tableDtype: "f16" } as const;
    assertThrows(() => new Embedding(gpu, half), TypeError, "a shard has 32-bit floats");
    const many = { numEmbeddings: 1, embeddingDim: E, shard };
    assertThrows(() => new Embedding(gpu, many), RangeError, "1 rows cannot be divided among 2");
    const wrong = { numEmbeddings: V, embeddingDim: E, shard: { rank: 2, ranks: 2 } };
    assertThrows(() => new Embedding(gpu, wrong), RangeError, "rank");
  });
});
