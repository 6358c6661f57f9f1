// How products for GPUs are cut: into which tiles, and long sums into how many parts.

import { assertEquals } from "@std/assert";
import { FIXED_TUNING, type Tuning } from "../../../kernels/mod.ts";
import { NEVER } from "../../../kernels/device/tuning.ts";
import { planOf, tilesIn } from "../../../kernels/matmul/workgroup_tile.ts";

/** The tile, the tiles and the parts of `count` products [m, k] times [k, n] in one launch. */
function cut([m, n, k]: [number, number, number], count: number, tuning: Partial<Tuning> = {}) {
  const sizes = Array.from({ length: count }, () => ({ m, n, k }));
  const { tile, depth } = planOf(sizes, { ...FIXED_TUNING, ...tuning });
  return [tile.rows, tilesIn(tile, sizes), Math.ceil(k / depth)];
}

Deno.test("planOf() cuts long sums until the GPU is busy, those of several products together less", () => {
  const weight: [number, number, number] = [800, 200, 420];
  assertEquals(cut(weight, 1), [64, 52, 6], "each part has 64 terms at least");
  assertEquals(cut(weight, 1, { busy: 320 }), [64, 52, 6]);
  assertEquals(cut(weight, 2, { busy: 480 }), [64, 104, 4]);
  assertEquals(cut(weight, 2, { busy: 150 }), [64, 104, 1]);
  assertEquals(cut(weight, 1, { minDepth: 128 }), [64, 52, 3]);
  assertEquals(cut(weight, 1, { minDepth: NEVER }), [64, 52, 1]);
  assertEquals(cut([300, 3360, 30_000], 1), [64, 265, 15], "parts of 256 terms go on to longBusy");
});

Deno.test("planOf() takes small tiles where the others would be few and sums are short", () => {
  assertEquals(cut([420, 800, 200], 1), [32, 350, 1]);
  assertEquals(cut([420, 800, 256], 1), [32, 350, 1]);
  assertEquals(cut([420, 800, 257], 1), [64, 91, 4]);
  assertEquals(
    cut([3360, 300, 512], 1),
    [32, 1050, 1],
    "265 of the others are over a quarter of busy",
  );
  assertEquals(cut([3360, 300, 513], 1), [64, 265, 2]);
  assertEquals(cut([1536, 1024, 200], 1), [32, 1536, 1], "384 of the others are half of busy");
  assertEquals(cut([1536, 1025, 200], 1), [64, 408, 1]);
  assertEquals(cut([1536, 1024, 200], 2), [64, 768, 1]);
  assertEquals(cut([420, 800, 200], 1, { busy: 181 }), [64, 91, 1]);
});

Deno.test("planOf() takes tall tiles where rows and sums are long", () => {
  assertEquals(cut([30_000, 300, 3360], 1, { longBusy: 0 }), [128, 1175, 1]);
  assertEquals(cut([30_000, 300, 2047], 1, { longBusy: 0 }), [64, 2345, 1]);
});
