// Tiles of classes: how large they are, where they begin, and what is left for one of its own.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type TileScorer, tilesOf } from "../../../kernels/loss/class_tiles.ts";
import { linearScorer } from "../../../kernels/loss/linear_scorer.ts";
import { readsTexels } from "../../../kernels/matmul/matmul_texel.ts";
import type { Gpu } from "../../../mod.ts";
import { withBothFamilies, withGpu } from "../../support/gpu.ts";

/** Pairs [first, count] of the tiles of a scorer of which `floats` may be held, and of several fewer; with copies. */
function tiles(
  gpu: Gpu,
  floats: number,
  scorer: Pick<TileScorer, "rows" | "classes" | "edges" | "floatsPerClass">,
  most = Infinity,
  fewer = floats,
): number[][] {
  const unused = () => {
    throw new Error("unused");
  };
  const [heldBytes, tileBytes] = [floats, fewer].map((n) => 4 * n * (readsTexels(gpu) ? 2 : 1));
  const bytes = { heldBytes: heldBytes!, tileBytes: tileBytes! };
  const whole = { ...scorer, ...bytes, inputs: [], scores: unused, backward: unused };
  return tilesOf(gpu, "x", whole, most).map(({ first, count }) => [first, count]);
}

Deno.test("tiles are nearly equal multiples of 64, and a GPU's last one has what is left", () =>
  withGpu((gpu) => {
    assertEquals(tiles(gpu, 900, { rows: 2, classes: 401 }), [[0, 401]]);
    const cut = [[0, 64], [64, 128], [192, 128], [320, 81]];
    assertEquals(tiles(gpu, 300, { rows: 2, classes: 401 }), cut);
    assertEquals(tiles(gpu, 300, { rows: 1, classes: 401, floatsPerClass: 2 }), cut);
    assertEquals(tiles(gpu, 900, { rows: 2, classes: 401 }, 128), cut);
    assertEquals(tiles(gpu, 900, { rows: 2, classes: 401 }, 1024, 300), [[0, 401]]);
    assertEquals(tiles(gpu, 801, { rows: 2, classes: 401 }, 1024, 300), cut);
  }, { family: "hardware" }));

Deno.test("a software adapter's tiles have rows of whole vectors, but a last one", () =>
  withGpu((gpu) => {
    assertEquals(tiles(gpu, 900, { rows: 2, classes: 401 }), [[0, 384], [384, 17]]);
    assertEquals(tiles(gpu, 900, { rows: 2, classes: 404 }), [[0, 404]]);
    assertEquals(tiles(gpu, 900, { rows: 2, classes: 63 }), [[0, 63]]);
  }, { family: "software" }));

Deno.test("a tile begins where a part of the tables does", () =>
  withBothFamilies((gpu) => {
    const parts = { rows: 1, classes: 404, edges: [64, 320] };
    assertEquals(tiles(gpu, 500, parts), [[0, 64], [64, 256], [320, 84]]);
    assertEquals(tiles(gpu, 128, parts), [[0, 64], [64, 128], [192, 128], [320, 84]]);
  }));

Deno.test("tilesOf() throws a RangeError unless 64 classes fit, by their scores or their own numbers", () =>
  withGpu((gpu) => {
    const floats = readsTexels(gpu) ? 32 : 64; // of `tiles`, which counts copies
    tiles(gpu, 10 * floats, { rows: 10, classes: 1, floatsPerClass: 10 });
    const rows = () => tiles(gpu, 10 * floats, { rows: 11, classes: 1 });
    assertThrows(rows, RangeError, "Cannot run x on 11 rows: at most 10 fit a tile");
    const own = () => tiles(gpu, 10 * floats, { rows: 1, classes: 1, floatsPerClass: 11 });
    assertThrows(own, RangeError, "Cannot run x with 11 numbers a class: at most 10 fit a tile");
  }));

Deno.test("linearScorer() counts the weight's gradient, so that wide layers have small tiles", () =>
  withBothFamilies((gpu) => {
    using step = gpu.step();
    const [E, V, held] = [256, 4096, 2 ** 18];
    const x = step.tensor([1, E]), weight = step.tensor([V, E]), bias = step.tensor([V]);
    const found = tilesOf(gpu, "x", linearScorer(step, x, weight, bias, held), Infinity);
    assert(found.every(({ count }) => 4 * count * E <= held));
  }));
