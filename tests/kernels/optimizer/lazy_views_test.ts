// Deferred updates of rows: whoever reads a table, under whatever shape, reads rows that are up to date.

import { assertEquals } from "@std/assert";
import { gather, indexScore, linearScorer, matmul, topK } from "../../../kernels/ops.ts";
import type { Gpu, Step, Tensor } from "../../../mod.ts";
import { SGD } from "../../../nce/nn/mod.ts";
import { assertClose } from "../../support/close.ts";
import { withGpu } from "../../support/gpu.ts";
import {
  gradientOf,
  ids,
  N,
  OPTIONS,
  train,
  V,
  W,
  weights,
  zeros,
} from "../../support/lazy_rows.ts";
import { randomIds, values } from "../../reference/data.ts";
import { ReferenceSGD } from "../../reference/sgd.ts";

/** Tables in one buffer, in parts of 128 rows, and in parts of 64. */
const PARTS = [2 ** 27, 128 * W * 4, 1].map((maxBindingBytes) => ({ maxBindingBytes }));

/** What `read` gives after steps of which updates are deferred, or of the same table once it is up to date. */
async function after(
  gpu: Gpu,
  read: (step: Step, table: Tensor) => Tensor,
  deferred: boolean,
): Promise<Float32Array> {
  using table = gpu.table([V, W], values(V * W, 1));
  table.requiresGrad = true;
  using optimizer = new SGD(gpu, [["table", table]], OPTIONS);
  for (let number = 0; number < 5; number++) train(gpu, table, optimizer, number);
  if (!deferred) await gpu.read(table);
  using step = gpu.step();
  return await gpu.readFloats(read(step, table));
}

/** A slice of `table` that ends with the step. */
function sliceOf(step: Step, table: Tensor, start: number, count: number): Tensor {
  return step.own(table.slice(start, count));
}

/** A copy that ends with the step. */
function copied(step: Step, slice: Tensor): Tensor {
  const copy = step.tensor(slice.shape);
  step.gpu.copy(slice, copy);
  return copy;
}

const READERS: Readonly<Record<string, (step: Step, table: Tensor) => Tensor>> = {
  "gather of a slice": (step, table) => gather(step, sliceOf(step, table, 64, 150), ids(step, 150)),
  "gather of a part": (step, table) => gather(step, sliceOf(step, table, 128, 64), ids(step, 64)),
  "gather of the first rows": (step, table) => {
    return gather(step, sliceOf(step, table, 0, 70), ids(step, 70));
  },
  "gather of a slice of a slice": (step, table) => {
    const slice = sliceOf(step, table, 64, 200);
    return gather(step, sliceOf(step, slice, 64, 136), ids(step, 136));
  },
  "gather from a row in the midst": (step, table) => {
    return gather(step, sliceOf(step, table, 64, 200), step.upload(Uint32Array.of(0, 63, 64, 199)));
  },
  "indexScore of a slice": (step, table) => {
    const x = step.upload(values(N * W, 3), [N, W]);
    return indexScore(step, x, sliceOf(step, table, 64, 150), zeros(step, 150), ids(step, 150));
  },
  "indexScore by the table's own rows": (step, table) => {
    return indexScore(step, sliceOf(step, table, 128, N), table, zeros(step, V), ids(step, V));
  },
  "topK of a slice": (step, table) => {
    const x = step.upload(values(N * W, 3), [N, W]), slice = sliceOf(step, table, 64, 100);
    return topK(step, linearScorer(step, x, slice, zeros(step, 100)), 7).scores;
  },
  "copy of a slice": (step, table) => copied(step, sliceOf(step, table, 64, 100)),
  "copy of a slice that was written": (step, table) => {
    const slice = sliceOf(step, table, 64, 200);
    step.gpu.write(slice, values(200 * W, 4));
    return copied(step, slice);
  },
  "copy of a slice that was cleared": (step, table) => {
    const slice = sliceOf(step, table, 64, 200);
    step.gpu.clear(slice);
    return copied(step, slice);
  },
  "copy of a slice that was copied to": (step, table) => {
    const slice = sliceOf(step, table, 64, 200);
    step.gpu.copy(step.upload(values(200 * W, 4), [200, W]), slice);
    return copied(step, slice);
  },
};

/** Those that take one buffer alone. */
const WHOLE_READERS: typeof READERS = {
  "gather of half rows": (step, table) => {
    return gather(step, step.reshape(table, [2 * V, W / 2]), ids(step, 2 * V));
  },
  "gather of an element": (step, table) => gather(step, step.reshape(table, [V * W]), ids(step, V)),
  "indexScore of all rows by themselves": (step, table) => {
    return indexScore(step, table, table, zeros(step, V), step.upload(randomIds(V, 9, 7)));
  },
  "matmul with a slice": (step, table) => {
    return matmul(step, weights(step, W), sliceOf(step, table, 16, W));
  },
};

for (const [i, options] of PARTS.entries()) {
  Deno.test(`rows of views of a table are up to date, in one buffer or in parts: ${i}`, () =>
    withGpu(async (gpu) => {
      for (
        const [name, read] of Object.entries(i === 0 ? { ...READERS, ...WHOLE_READERS } : READERS)
      ) {
        const found = await after(gpu, read, true);
        assertClose(found, await after(gpu, read, false), { rtol: 1e-5, atol: 1e-6 }, name);
      }
    }, options));
}

Deno.test("gather() of a slice whose parts differ in size gives the slice's rows", async () => {
  for (const options of PARTS) {
    await withGpu(async (gpu) => {
      const data = values(V * W, 1);
      using table = gpu.table([V, W], data);
      for (const [start, count] of [[64, 200], [64, 150], [128, 172]] as const) {
        using slice = table.slice(start, count), step = gpu.step();
        const all = Uint32Array.from({ length: count }, (_, i) => i);
        const rows = await gpu.readFloats(gather(step, slice, step.upload(all)));
        assertEquals(rows, data.slice(start * W, (start + count) * W));
      }
    }, options);
  }
});

Deno.test("two slices of one table may both have deferred updates, in one buffer or in parts", async () => {
  for (const options of PARTS) await withGpu(twoSlices, options);
});

async function twoSlices(gpu: Gpu): Promise<void> {
  const data = values(2 * V * W, 1), count = 2 * V - 304; // row 304 begins at a multiple of 256 bytes
  using all = gpu.table([2 * V, W], data);
  using first = all.slice(0, V), second = all.slice(304, count);
  const tables = [first, second];
  const copies = [data.slice(0, V * W), data.slice(304 * W)].map((x) => Float64Array.from(x));
  const expected = copies.map((copy) => new ReferenceSGD([copy], OPTIONS));
  for (const table of tables) table.requiresGrad = true;
  using optimizer = new SGD(gpu, [["first", first], ["second", second]], OPTIONS);
  for (let number = 0; number < 6; number++) {
    const at = number % 2, table = tables[at]!;
    train(gpu, table, optimizer, number);
    expected[at]!.step([gradientOf(table.shape[0]!, number, W)], OPTIONS.lr);
  }
  using step = gpu.step();
  const check = async (slice: Tensor, from: Float64Array, start: number, what: string) => {
    const own = Uint32Array.from(randomIds(N, 200, 1), (id) => start + id); // some of the first step's rows
    const rows = await gpu.readFloats(gather(step, slice, step.upload(own)));
    const picked = [...own].flatMap((id) => {
      return [...from.subarray((id - start) * W, (id - start + 1) * W)];
    });
    assertClose(rows, picked, { rtol: 1e-5, atol: 1e-6 }, what);
  };
  await check(all, copies[1]!, 304, "the whole table");
  for (const [i, start] of [0, 304].entries()) {
    await check(sliceOf(step, all, start, 200), copies[i]!, 0, `slice ${i}`);
  }
}
