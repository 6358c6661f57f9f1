// Weighted sums of rows: PyTorch's EmbeddingBag, in every kind of table.

import { assertEquals, assertThrows } from "@std/assert";
import { embeddingBag, sum, weightedSum } from "../../../kernels/ops.ts";
import { SGD } from "../../../nce/nn/mod.ts";
import { fetchRows, ownRows } from "../../../kernels/mod.ts";
import { randomIds, values } from "../../reference/data.ts";
import * as reference from "../../reference/linear.ts";
import { checkOp } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";
import { onRanks } from "../../support/ranks.ts";

Deno.test("embeddingBag() agrees with float64 when ids repeat, at any width, weights of 0 among them", () =>
  withBothFamilies(async (gpu) => {
    const cases = [[1, 1, 1, 1], [63, 5, 3, 40], [65, 17, 64, 9], [3, 257, 5, 300]] as const;
    for (const [N, H, width, classes] of cases) {
      const ids = randomIds(N * H, classes, N);
      const weights = values(N * H, 3).map((weight, p) => p % 5 === 1 ? 0 : weight);
      await checkOp(gpu, `embeddingBag [${N}, ${H}] of [${classes}, ${width}]`, {
        shapes: [[classes, width]],
        oracle: reference.embeddingBag(ids, weights, H, width),
        run: (step, table) => {
          return embeddingBag(step, table, step.upload(ids, [N, H]), step.upload(weights, [N, H]));
        },
        tolerance: { atol: 1e-5, rtol: 1e-5 },
      });
    }
  }));

Deno.test("embeddingBag() takes tables in parts and of 16-bit floats, whose rows wait for their updates", async () => {
  const [N, H, E, V] = [5, 3, 4, 200], ids = randomIds(N * H, V, 1), weights = values(N * H, 2);
  const data = Float32Array.from(new Float16Array(values(V * E, 3)));
  const seen: Float32Array[] = [];
  for (const maxBindingBytes of [2 ** 27, 1]) {
    await withGpu(async (gpu) => {
      for (const dtype of ["f32", "f16"] as const) {
        using table = gpu.table([V, E], data, dtype);
        table.requiresGrad = true;
        using optimizer = new SGD(gpu, [["table", table]], { lr: 0.5, momentum: 0.5 });
        for (let number = 0; number < 3; number++) {
          using step = gpu.step({ training: true, number });
          const all = step.upload(number === 1 ? ids.map((id) => (id + 1) % V) : ids, [N, H]);
          const bag = embeddingBag(step, table, all, step.upload(weights, [N, H]));
          if (number === 2 || dtype === "f16" && number === 0) seen.push(await gpu.readFloats(bag));
          optimizer.step(
            step.backward(weightedSum(step, bag, step.upload(values(N * E, 4), [N, E]))),
          );
        }
      }
    }, { maxBindingBytes });
  }
  const [whole, half, halfLast, inParts, halfInParts] = seen;
  assertClose(inParts!, whole!, { atol: 1e-6 });
  const { output } = reference.embeddingBag(ids, weights, H, E)(Float64Array.from(data));
  assertClose(half!, output, { atol: 1e-6 });
  assertClose(halfInParts!, output, { atol: 1e-6 });
  assertClose(halfLast!, whole!, { atol: 0.01 });
});

Deno.test("embeddingBag() takes rows that were fetched of a divided table", async () => {
  const [V, E, H] = [20, 3, 2], data = values(V * E, 1), ids = Uint32Array.of(19, 4, 7, 7);
  const { output } = reference.embeddingBag(ids, [0.5, 0.5, 1, 0], H, E)(Float64Array.from(data));
  await onRanks(2, async (gpu, communicator) => {
    const shard = { rank: communicator.rank, ranks: 2 };
    using table = gpu.table([V / 2, E], ownRows(data, E, shard));
    table.shard = { ...shard, rows: V };
    using step = gpu.step();
    const own = step.upload(ids, [2, H]),
      weights = step.upload(Float32Array.of(0.5, 0.5, 1, 0), [2, H]);
    assertThrows(() => embeddingBag(step, table, own, weights), TypeError, "has to fetch first");
    await fetchRows(step, [{ tables: [table], ids: [own] }], communicator);
    assertClose(await gpu.readFloats(embeddingBag(step, table, own, weights)), output);
  });
});

Deno.test("embeddingBag() refuses shapes that do not fit, ids that are no rows, and weights to be learned", () =>
  withGpu((gpu) => {
    using step = gpu.step({ training: true });
    const table = step.upload(values(8, 1), [4, 2]), vector = step.upload(values(4, 1));
    const ids = step.upload(Uint32Array.of(0, 3, 3, 1), [2, 2]), flat = step.reshape(ids, [4]);
    const weights = step.upload(values(4, 1), [2, 2]);
    const bag = (...[a, b, c]: [typeof table, typeof ids, typeof weights]) => () =>
      embeddingBag(step, a, b, c);
    assertThrows(bag(vector, ids, weights), TypeError, "table is f32 [4], expected");
    assertThrows(bag(table, flat, weights), TypeError, "ids is u32 [4], expected");
    assertThrows(bag(table, ids, step.reshape(weights, [4])), TypeError, "weights is f32 [4]");
    const large = step.upload(Uint32Array.of(0, 4), [1, 2]);
    assertThrows(bag(table, large, weights), RangeError, "may be up to 4");
    weights.requiresGrad = true;
    assertThrows(bag(table, ids, weights), TypeError, "weights get no gradient");
    using evaluation = gpu.step();
    assertEquals(sum(evaluation, embeddingBag(evaluation, table, ids, weights)).size, 1);
  }));
