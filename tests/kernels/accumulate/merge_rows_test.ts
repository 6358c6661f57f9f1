// Row-sparse gradients: sums of equal rows, their dense form, and mixtures with dense gradients.

import { assertEquals } from "@std/assert";
import {
  mergeRows,
  scatterRows,
  type SparseGradient,
} from "../../../kernels/accumulate/merge_rows.ts";
import type { Gpu, Tensor, TensorData } from "../../../mod.ts";
import { add, gather, linear, sum, weightedSum } from "../../../kernels/ops.ts";
import { checkOp, poisonPool } from "../../support/check_op.ts";
import { assertClose } from "../../support/close.ts";
import { limitedGpu, withBothFamilies, withGpu } from "../../support/gpu.ts";
import { randomIds, values } from "../../reference/data.ts";
import * as reference from "../../reference/linear.ts";

/** A part of a gradient, here. */
interface PartData {
  ids: Uint32Array;
  values: Float32Array;
  group?: number;
  coefficients?: Float32Array;
}

/** A part of `n` contributions that takes every id, in groups or with coefficients if asked for. */
function partOf(n: number, classes: number, width: number, group?: number): PartData {
  return {
    ids: randomIds(n, classes, n),
    values: values(n / (group ?? 1) * width, n + 1),
    ...(group && { group, coefficients: values(n, n + 2) }),
  };
}

/** The gradient [classes, width] of all parts together. */
function denseOf(parts: readonly PartData[], classes: number, width: number): Float64Array {
  const out = new Float64Array(classes * width);
  for (const { ids, values, group = 1, coefficients } of parts) {
    ids.forEach((id, p) => {
      for (let e = 0; e < width; e++) {
        const value = values[Math.floor(p / group) * width + e]!;
        out[id * width + e]! += (coefficients?.[p] ?? 1) * value;
      }
    });
  }
  return out;
}

async function check(gpu: Gpu, parts: PartData[], classes: number, width: number): Promise<void> {
  const expected = denseOf(parts, classes, width), before = values(classes * width, 9);
  using table = gpu.tensor([classes, width]);
  poisonPool(gpu);
  using step = gpu.step();
  const uploaded = parts.map(({ ids, values, group, coefficients }): SparseGradient => ({
    kind: "sparse",
    ids: step.upload(ids),
    values: step.upload(values, [values.length / width, width]),
    ...(group && { group }),
    ...(coefficients && { coefficients: step.upload(coefficients) }),
  }));
  const rows = mergeRows(step, table, uploaded);
  const ids = await gpu.read(rows.ids), summed = await gpu.readFloats(rows.values);
  const rising = [...new Set(parts.flatMap((part) => [...part.ids]))].sort((a, b) => a - b);
  const slots = Array.from(ids, (_, u) => rising[u] ?? 0xffffffff);
  assertEquals(ids, Uint32Array.from(slots));
  const name = `${parts.length} parts to [${classes}, ${width}]`;
  const picked = slots.flatMap((id) =>
    Array.from({ length: width }, (_, e) => expected[id * width + e] ?? 0)
  );
  assertClose(summed, picked, { atol: 2e-6, rtol: 1e-5 }, `${name}, rows`);
  const added = scatterRows(step, rows, table, step.upload(before, [classes, width]));
  const together = expected.map((x, i) => x + before[i]!);
  assertClose(await gpu.readFloats(added), together, { atol: 2e-6, rtol: 1e-5 }, `${name}, added`);
  const dense = await gpu.readFloats(scatterRows(step, rows, table));
  assertClose(dense, expected, { atol: 2e-6, rtol: 1e-5 }, `${name}, dense`);
}

Deno.test("mergeRows() sums the contributions to each row, scatterRows() adds them up", () =>
  withBothFamilies(async (gpu) => {
    for (const [classes, width] of [[1, 1], [63, 65], [257, 3], [65, 8]] as const) {
      const parts = [65, 1, 63].map((n) => partOf(n, classes, width));
      await check(gpu, parts.slice(0, 1), classes, width);
      await check(gpu, parts, classes, width);
    }
  }));

Deno.test("mergeRows() multiplies by coefficients and lets ids share a row of values", () =>
  withBothFamilies(async (gpu) => {
    await check(gpu, [partOf(65, 17, 5, 1)], 17, 5);
    await check(gpu, [partOf(66, 17, 5, 6), partOf(63, 17, 5), partOf(10, 17, 5, 10)], 17, 5);
  }));

// GPUs sum sixteen positions at a time, then four, then one: parts end in the middle of any of them.
Deno.test("mergeRows() sums any number of positions of an id, wherever parts end", () =>
  withBothFamilies(async (gpu) => {
    const classes = 70, counts = Array.from({ length: classes }, (_, id) => id + 1);
    const rising = counts.flatMap((count, id) => new Array<number>(count).fill(id));
    const ids = Uint32Array.from(rising, (_, i) => rising[i * 1009 % rising.length]!);
    const whole = (n: number, seed: number) => values(n, seed, 9).map(Math.round); // exact in any order
    for (const cuts of [[ids.length], [600, 617, ids.length], [37, 38, 1700, ids.length]]) {
      const width = cuts.length === 3 ? 1 : 4;
      const parts = cuts.map((end, i): PartData => {
        const own = ids.slice(cuts[i - 1] ?? 0, end), { length } = own;
        const coefficients = i % 2 === 0 ? { group: 1, coefficients: whole(length, 1) } : {};
        return { ids: own, values: whole(length * width, 2), ...coefficients };
      });
      await check(gpu, parts, classes, width);
    }
  }));

Deno.test("mergeRows() sums more parts than a launch binds", async () => {
  for (const family of ["software", "hardware"] as const) {
    await using gpu = await limitedGpu({ maxStorageBuffersPerShaderStage: 8 }, { family });
    for (const width of [3, 4]) {
      const parts = [20, 3, 7, 1, 9].map((n, i) =>
        partOf(n, 5, width, i % 3 === 0 ? 1 : undefined)
      );
      await check(gpu, parts, 5, width);
    }
  }
});

Deno.test("gradients of a table that is looked up and multiplied, dense and in rows, add up", () =>
  withBothFamilies(async (gpu) => {
    const ids = randomIds(9, 13, 1);
    const lookUp = reference.gather(ids, 4), multiply = reference.linear(9, 4, 13);
    await checkOp(gpu, "tied table", {
      shapes: [[13, 4]],
      oracle: (table) => {
        const rows = lookUp(table), scores = multiply(rows.output, table);
        return {
          output: scores.output,
          backward: (dScores) => {
            const [dRows, dTable] = scores.backward(dScores);
            const [dense] = rows.backward(dRows!);
            return [dense!.map((d, i) => d + dTable![i]!)];
          },
        };
      },
      run: (step, table) => linear(step, gather(step, table, step.upload(ids)), table),
      tolerance: { atol: 4e-6, rtol: 1e-5 },
    });
  }));

Deno.test("rows that are looked up change no dense gradient that another tensor has, too", () =>
  withGpu(async (gpu) => {
    using step = gpu.step({ training: true });
    const [table, other] = [1, 2].map((seed) => step.upload(values(8, seed), [4, 2]));
    table!.requiresGrad = other!.requiresGrad = true;
    const dense = add(step, table!, other!); // whose gradient is one tensor for both
    const rows = gather(step, table!, step.upload(Uint32Array.of(1)));
    const gradients = step.backward(add(step, sum(step, dense), sum(step, rows)));
    assertEquals([...await gpu.read(gradients.toDense(table!)!)], [1, 1, 2, 2, 1, 1, 1, 1]);
    assertEquals([...await gpu.read(gradients.toDense(other!)!)], new Array(8).fill(1));
  }));

Deno.test("Gradients.get() gives rows for look-ups and sums look-ups of the same table", () =>
  withGpu(async (gpu) => {
    using table = gpu.tensor([6, 2], values(12, 1));
    table.requiresGrad = true;
    using other = gpu.tensor([2]);
    using step = gpu.step({ training: true });
    const lookUp = (...ids: number[]) => gather(step, table, step.upload(Uint32Array.from(ids)));
    const weight = step.upload(Float32Array.of(1, 2, 3, 4), [2, 2]);
    const first = weightedSum(step, lookUp(4, 1), weight), second = sum(step, lookUp(1, 1, 3));
    const both = step.record({
      name: "both",
      inputs: [first, second],
      output: step.tensor([1]),
      backward: (d) => [d, d],
    });
    const gradients = step.backward(both);
    const gradient = gradients.get(table);
    if (gradient?.kind !== "sparse") throw new Error(`gradient is ${gradient?.kind}`);
    assertEquals([...await gpu.read(gradient.ids)], [1, 3, 4, ...Array(2).fill(0xffffffff)]);
    const rows = await gpu.readFloats(gradient.values);
    assertEquals([...rows], [5, 6, 1, 1, 1, 2, 0, 0, 0, 0]);
    assertEquals(gradients.get(table), gradient);
    assertEquals(gradients.get(other), undefined);
    assertEquals(gradients.toDense(other), undefined);
  }));

Deno.test("ids that are written anew are sorted anew, in the same step and tensor", () =>
  withGpu(async (gpu) => {
    using table = gpu.tensor([9, 3], values(27, 1));
    table.requiresGrad = true;
    using step = gpu.step({ training: true });
    const ids = step.upload(Uint32Array.of(0, 1, 2));
    const gradientOf = (rows: Tensor): Promise<TensorData> =>
      gpu.read(step.backward(sum(step, gather(step, table, rows))).toDense(table)!);
    await gradientOf(ids);
    gpu.write(ids, Uint32Array.of(8, 3, 3));
    assertEquals(await gradientOf(ids), await gradientOf(step.upload(Uint32Array.of(8, 3, 3))));
  }));

Deno.test("mergeRows() sums more positions of one id than a thread may loop over", () =>
  withBothFamilies(async (gpu) => {
    using step = gpu.step();
    const table = step.tensor([3, 1]);
    const part = (n: number): SparseGradient => ({
      kind: "sparse",
      ids: step.upload(new Uint32Array(n).fill(1)),
      values: step.upload(new Float32Array(n).fill(1), [n, 1]),
    });
    for (const sizes of [[150_001], [50_000, 30_000, 70_001]]) {
      const dense = scatterRows(step, mergeRows(step, table, sizes.map(part)), table);
      assertEquals([...await gpu.readFloats(dense)], [0, 150_001, 0]);
    }
  }));
