// Tables in several buffers: what they hold, and who refuses them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { isInParts, partEdges, partShapes } from "../../../kernels/device/parts.ts";
import { linear, relu } from "../../../kernels/ops.ts";
import { Gpu } from "../../../mod.ts";
import { withGpu } from "../../support/gpu.ts";
import { values } from "../../reference/data.ts";

const SMALL = { maxBindingBytes: 1 };

Deno.test("partShapes() gives parts of whole groups of 64 rows that fit, and one where all fit", () => {
  assertEquals(partShapes([1000, 100], 2 ** 27), [[1000, 100]]);
  assertEquals(partShapes([1000, 100], 160 * 400), [
    ...Array.from({ length: 7 }, () => [128, 100]),
    [104, 100],
  ]);
  assertEquals(partShapes([130, 2, 3], 1), [[64, 2, 3], [64, 2, 3], [2, 2, 3]]);
  assertEquals(partShapes([64], 1), [[64]]);
  const parts = partShapes([10_000_000_000, 100], 2 ** 31 - 4);
  assert(parts.every(([rows]) => 400 * rows! <= 2 ** 31 - 4));
  assertEquals(parts.reduce((sum, [rows]) => sum + rows!, 0), 10_000_000_000);
});

Deno.test("a table in parts is written, read, copied, cleared and sliced like any tensor", () =>
  withGpu(async (gpu) => {
    const data = values(200 * 3, 1),
      rows = (from: number, to: number) => data.slice(3 * from, 3 * to);
    using table = gpu.table([200, 3], data);
    assertEquals([partEdges(table), gpu.memory.buffers], [[64, 128, 192], 4]);
    assertEquals(await gpu.read(table), data);
    using slice = table.slice(64, 100), within = table.slice(128, 64);
    assertEquals([isInParts(slice), isInParts(within)], [true, false]);
    assertEquals([await gpu.read(slice), await gpu.read(within)], [rows(64, 164), rows(128, 192)]);
    using whole = gpu.tensor([200, 3]), other = gpu.table([200, 3]);
    gpu.copy(table, whole);
    assertEquals(await gpu.read(whole), data);
    gpu.copy(whole, other, { fromStart: 5, toStart: 190, count: 400 });
    assertEquals((await gpu.read(other)).slice(190, 590), data.slice(5, 405));
    gpu.clear(slice);
    const expected = data.map((x, i) => i >= 3 * 64 && i < 3 * 164 ? 0 : x);
    assertEquals(await gpu.read(table), expected);
    assertThrows(() => table.slice(150, 51), RangeError, "Cannot slice [200,3] from 150 to 201");
    assertThrows(() => table.slice(65, 2), RangeError, "Cannot slice");
    assertThrows(() => gpu.write(table, data.subarray(1)), TypeError, "f32 [599]");
    assertThrows(() => gpu.table([200, 3], data.subarray(1)), TypeError, "[200,3] of 599 elements");
    const list = Array.from(data) as unknown as Float32Array;
    assertThrows(() => gpu.table([200, 3], list), TypeError, "Float32Array.from(");
    using ids = gpu.table([200], new Uint32Array(200).map((_, i) => i));
    assertEquals([ids.dtype, ids.idLimit], ["u32", 200]);
  }, SMALL));

Deno.test("an operation that takes one buffer refuses a table in several, by name and number", () =>
  withGpu((gpu) => {
    using table = gpu.table([200, 4]), fitting = gpu.table([64, 4]);
    table.requiresGrad = true;
    using step = gpu.step({ training: true });
    const x = step.upload(values(8, 1), [2, 4]);
    const message =
      "the table [200,4] lies in 4 buffers, which only look-ups, scorers of all classes";
    assertThrows(() => linear(step, x, table), TypeError, message);
    assertThrows(() => relu(step, table), TypeError, `Cannot run relu: ${message}`);
    assertThrows(() => table.reshape([800]), TypeError, message);
    linear(step, x, fitting);
    table.dispose();
    assertThrows(() => linear(step, x, table), Error, "after its owner has disposed of it");
  }, SMALL));

Deno.test("maxBindingBytes must be a positive integer, and a row of 64 fit the device", async () => {
  for (const maxBindingBytes of [0, -1, 1.5, NaN]) {
    let message = "";
    await Gpu.create({ maxBindingBytes }).catch((error) => message = error.message);
    assertEquals(
      message,
      `Cannot create a Gpu: maxBindingBytes is ${maxBindingBytes}, not a positive integer`,
    );
  }
  await withGpu((gpu) => {
    const width = Math.floor(gpu.maxTensorBytes / 4 / 64) + 1;
    assertThrows(() => gpu.table([1000, width]), RangeError, `Cannot make a tensor [64,${width}]`);
    assertThrows(() => gpu.table([0, 4]), RangeError, "Cannot make a table [0,4]");
    assertEquals(gpu.memory.buffers, 0);
  });
});
