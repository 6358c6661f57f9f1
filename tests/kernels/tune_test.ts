// The choice between variants of kernels: by margin, by either clock, and with any of them the right results.

import { assert, assertEquals } from "@std/assert";
import { FIXED_TUNING, isTuning, type Tuning } from "../../kernels/mod.ts";
import { Gpu } from "../../mod.ts";
import { NEVER } from "../../kernels/device/tuning.ts";
import {
  layerProducts,
  layers,
  products,
  timesOf,
  type Trial,
  tuneBy,
  winner,
} from "../../kernels/tune.ts";
import { withGpu } from "../support/gpu.ts";

/** Choices at sizes that a software adapter computes in milliseconds. */
const SMALL: readonly Trial[] = [
  { others: [{ tallFrom: 64 }], prepare: products([[128, 64, 64]], { transposeA: true }) },
  { others: [{ busy: 1 }, { busy: 2 }], prepare: layerProducts({ N: 256, E: 64, M: 64 }) },
  { others: [{ minDepth: 128 }], prepare: layerProducts({ N: 256, E: 64, M: 64 }) },
  { others: [{ wholeRows: 0 }], prepare: layers([[2, 8], [5, 8]], { T: 2, E: 4 }) },
];

/** Whether `tuning` has a value of SMALL's or the fixed one everywhere. */
function isOffered(tuning: Tuning): boolean {
  const offered: Partial<Record<keyof Tuning, number[]>> = {
    tallFrom: [64],
    busy: [1, 2],
    minDepth: [128],
    wholeRows: [0],
  };
  return (Object.keys(FIXED_TUNING) as (keyof Tuning)[])
    .every((name) => [FIXED_TUNING[name], ...offered[name] ?? []].includes(tuning[name]));
}

Deno.test("winner() keeps the first variant unless the median of another is less by more than 5 %", () => {
  assertEquals(winner([[10, 10, 10]]), 0);
  assertEquals(winner([[10, 10, 10], [9.6, 9.6, 9.6]]), 0);
  assertEquals(winner([[10, 10, 10], [9.4, 9.4, 9.4]]), 1);
  assertEquals(winner([[10, 10, 10], [9.4, 9.4, 9.4], [9.3, 9.3, 9.3], [11, 11, 11]]), 2);
  assertEquals(winner([[10, 10, 10], [1, 10, 30]]), 0, "one good turn is noise");
  assertEquals(winner([[10, 90, 10], [9.4, 9.4, 300]]), 1, "so is a bad one");
  assertEquals(winner([[NaN], [NaN]]), 0, "without times nothing is chosen");
  assertEquals(winner([[0, 0, 0], [0, 0, 0]]), 0);
});

Deno.test("tune() chooses from what it is offered, by either clock, and leaves the Gpu as it was", () =>
  withGpu(async (gpu) => {
    const before = { ...FIXED_TUNING, wholeRows: 3 };
    gpu.tuning = before;
    assert(isOffered(await tuneBy(gpu, SMALL)));
    assert(gpu.device.features.has("timestamp-query"), "the GPU's clock was tried");
    assertEquals(gpu.tuning, before);
    Object.defineProperty(gpu.device, "features", { value: new Set() });
    assert(isOffered(await tuneBy(gpu, SMALL.slice(0, 1))));
    assertEquals(gpu.tuning, before);
    assertEquals(await tuneBy(gpu, []), FIXED_TUNING);
  }, { family: "hardware" }));

Deno.test("tune() takes each trial's fastest variant, and goes on to the next trial with it", () =>
  withGpu(async (gpu) => {
    // Only the clock is not the GPU's: the variants run as ever, and cost what this says.
    const time = gpu.time.bind(gpu);
    const cost = ({ tallFrom, busy, wholeRows }: Tuning) =>
      (tallFrom === 64 ? 1 : 2) + (busy === 2 ? 3 : 9) + (wholeRows === 0 && busy === 768 ? 0 : 5);
    gpu.time = async (...bodies) => {
      const costs: number[] = [];
      await time(...bodies.map((body) => () => (body(), void costs.push(cost(gpu.tuning)))));
      return costs;
    };
    const found = await tuneBy(gpu, SMALL);
    assertEquals(found, { ...FIXED_TUNING, tallFrom: 64, busy: 2 });
  }, { family: "hardware" }));

Deno.test("timesOf() takes three or five turns, an odd number whatever they take", () =>
  withGpu(async (gpu) => {
    const { now } = performance, { prepare } = SMALL[0]!;
    try {
      for (const [ms, turns] of [[1, 5], [200, 5], [249, 5], [250, 3], [1000, 3]] as const) {
        let clock = 0;
        performance.now = () => clock;
        gpu.time = (...bodies) => {
          clock += ms;
          return Promise.resolve(bodies.map(() => ms));
        };
        const times = await timesOf(gpu, [FIXED_TUNING, FIXED_TUNING], prepare);
        // A turn of a variant that takes long enough is as good as the one that told so.
        assertEquals(times, [Array(turns).fill(ms), Array(turns).fill(ms)], `${ms} ms a turn`);
      }
    } finally {
      performance.now = now;
    }
  }));

Deno.test("isTuning() accepts all sizes as whole numbers, and nothing else", () => {
  assert(isTuning(FIXED_TUNING));
  assert(isTuning({ ...FIXED_TUNING, tallFrom: NEVER, wholeRows: 0 }));
  for (const value of [-1, 0.5, NaN, NEVER + 1, "64", null, undefined]) {
    assertEquals(isTuning({ ...FIXED_TUNING, wholeRows: value }), false, `${value}`);
  }
  for (const value of [undefined, null, 1, "x", {}, []]) assertEquals(isTuning(value), false);
});

Deno.test("a Gpu begins with the fixed tuning, and keeps of others the sizes alone", async () => {
  await using gpu = await Gpu.create();
  assertEquals(gpu.tuning, FIXED_TUNING);
  const tuning = { tallFrom: 1, busy: 2, minDepth: 3, longBusy: 4, wholeRows: 5, wholeUnits: 6 };
  gpu.tuning = Object.assign({ serpentine: 1, keptFours: 2 }, tuning); // as older versions have kept it
  assertEquals(gpu.tuning, tuning);
});
