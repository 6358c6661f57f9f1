// Sorting ids on the GPU against sorting them here.

import { assertEquals, assertThrows } from "@std/assert";
import { sortIds } from "../../../kernels/accumulate/sort_ids.ts";
import type { Gpu, Tensor } from "../../../mod.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";
import { randomIds } from "../../reference/data.ts";

const NONE = 0xffffffff;

/** Throws unless the ids of `parts` are sorted as a stable sort here does it. */
async function check(gpu: Gpu, parts: readonly Uint32Array[], classes: number): Promise<void> {
  const ids = parts.flatMap((part) => [...part]);
  const order = ids.map((_, p) => p).sort((a, b) => ids[a]! - ids[b]! || a - b);
  const heads = order.map((_, i) => i).filter((i) =>
    i === 0 || ids[order[i]!] !== ids[order[i - 1]!]
  );
  const slots = Math.min(ids.length, classes);
  const padded = (values: number[], size: number, filler: number) =>
    Uint32Array.from({ length: size }, (_, i) => values[i] ?? filler);

  const tensors = parts.map((part) => gpu.tensor([part.length], part));
  const { unique, starts, positions } = sortIds(gpu, tensors, classes);
  assertEquals(await gpu.read(positions), Uint32Array.from(order));
  assertEquals(await gpu.read(unique), padded(heads.map((i) => ids[order[i]!]!), slots, NONE));
  assertEquals(await gpu.read(starts), padded(heads, slots + 1, ids.length));
  for (const tensor of [...tensors, unique, starts, positions]) tensor.dispose();
}

Deno.test("sortIds() sorts any number of ids of any number of classes, equal ids by position", () =>
  withGpu(async (gpu) => {
    for (const n of [1, 2, 7, 8, 9, 63, 65, 257, 1023, 1024, 1025, 2049]) {
      for (const classes of [1, 2, 16, 17, 257, 2 ** 20]) {
        await check(gpu, [randomIds(n, classes, n)], classes);
      }
    }
  }));

Deno.test("sortIds() sorts as many ids as a GPU counts, and one more", () =>
  withGpu(async (gpu) => {
    for (const n of [1, 3, 4, 5, 15, 16, 17, 193, 255, 257, 3860, 4081, 4095, 4096, 4097]) {
      for (const classes of [1, 50, 2 ** 20]) await check(gpu, [randomIds(n, classes, n)], classes);
    }
  }, { family: "hardware" }));

Deno.test("sortIds() sorts ids that are all equal, rising or falling", () =>
  withGpu(async (gpu) => {
    const n = 1000;
    for (const id of [0, 5, 999]) await check(gpu, [new Uint32Array(n).fill(id)], n);
    for (const length of [n, 64]) {
      await check(gpu, [Uint32Array.from({ length }, (_, i) => i)], length);
      await check(gpu, [Uint32Array.from({ length }, (_, i) => length - 1 - i)], length);
    }
  }));

/** As many ids as kernels for software adapters refuse. */
const REFUSED = 15 * 2 ** 20;

Deno.test("sortIds() sorts more ids than a software adapter's loops count one by one, and a GPU more than those take", () =>
  withGpu(async (gpu) => {
    const n = gpu.family === "hardware" ? REFUSED : 4_500_000;
    const data = Uint32Array.from({ length: n }, (_, i) => i & 1);
    using ids = gpu.tensor([n], data);
    const { unique, starts, positions } = sortIds(gpu, [ids], 2);
    assertEquals([...await gpu.read(starts)], [0, n / 2, n]);
    const order = await gpu.read(positions);
    assertEquals(order.findIndex((p, i) => p !== (i < n / 2 ? 2 * i : 2 * i + 1 - n)), -1);
    for (const tensor of [unique, starts, positions]) tensor.dispose();
  }));

Deno.test("more ids than kernels for software adapters can sort are refused, and leave nothing", () =>
  withGpu((gpu) => {
    using ids = gpu.tensor([REFUSED / 15]);
    const { bytes } = gpu.memory, lists = new Array<Tensor>(15).fill(ids);
    assertThrows(() => sortIds(gpu, lists, 2), RangeError, "15728640 ids of rows are too many");
    assertEquals(gpu.memory.bytes, bytes);
  }, { family: "software" }));

Deno.test("sortIds() takes several lists for one, in order", () =>
  withBothFamilies(async (gpu) => {
    for (const sizes of [[65, 1, 257, 8], [700, 3500], new Array<number>(40).fill(3)]) {
      await check(gpu, sizes.map((n, i) => randomIds(n, 40, i)), 40);
    }
  }));

Deno.test("sortIds() takes one launch for few ids of one list less than for those of several", () =>
  withBothFamilies(async (gpu) => {
    using ids = gpu.tensor([20], randomIds(20, 9, 1));
    using others = gpu.tensor([30], randomIds(30, 9, 2));
    const labels = async (lists: Tensor[]) => {
      const { rows } = await gpu.profile(() => {
        for (const tensor of Object.values(sortIds(gpu, lists, 9))) tensor.dispose();
      });
      return rows.map(({ label, runs }) => `${label} ${runs}`).sort();
    };
    assertEquals(await labels([ids]), ["sort.segments 1", "sort.sort 1"]);
    assertEquals(await labels([ids, others]), ["concatIds 1", "sort.segments 1", "sort.sort 1"]);
  }));

Deno.test("sortIds() sorts more ids than one workgroup scans at a time", () =>
  withGpu((gpu) => check(gpu, [randomIds(70_001, 2 ** 20, 1)], 2 ** 20)));

Deno.test("sortIds() leaves no slot over when every class occurs", () =>
  withGpu((gpu) => {
    const ids = Uint32Array.from({ length: 100 }, (_, i) => (i * 37) % 10);
    return check(gpu, [ids], 10);
  }));
