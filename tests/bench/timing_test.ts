// Timing: what is measured, and when the GPU has to be idle.

import { assert, assertEquals } from "@std/assert";
import { median, secondsOf, secondsOnGpu, secondsToRecord } from "../../bench/timing.ts";
import type { Gpu } from "../../mod.ts";
import { COUNT } from "../support/counting_kernels.ts";
import { withNewGpu } from "../support/gpu.ts";

Deno.test("median() takes the mean of both middle values, and has none of no values", () => {
  assertEquals([[3], [3, 1, 2], [4, 1, 3, 2], []].map(median), [3, 2, 2.5, NaN]);
});

Deno.test("secondsOf() warms up, then runs three loops that begin and end with an idle GPU", async () => {
  const calls: string[] = [], add = (call: string) => () => Promise.resolve(void calls.push(call));
  const gpu = { finish: add("finish"), keepUp: add("keepUp") } as unknown as Gpu;
  const seconds = await secondsOf(gpu, add("body"), 0);
  const loop = ["finish", "body", "keepUp", "finish"];
  assertEquals(calls, ["body", "body", "body", "finish", ...loop, ...loop, ...loop]);
  assert(seconds >= 0 && seconds < 60);
});

Deno.test("secondsToRecord() begins with an idle GPU, and ends when all is submitted", async () => {
  const calls: string[] = [];
  const gpu = {
    finish: () => Promise.resolve(void calls.push("finish")),
    submit: () => void calls.push("submit"),
  } as unknown as Gpu;
  const seconds = await secondsToRecord(gpu, () => void calls.push("body"), 0);
  assertEquals(calls, ["finish", "body", "submit", "finish"]);
  assert(seconds >= 0);
});

Deno.test("secondsOnGpu() is what time() has of a body, where there are time stamps", () =>
  withNewGpu(async (gpu) => {
    using out = gpu.tensor([1]);
    const body = () => gpu.dispatch({ ...COUNT, outputs: [out], uniform: { amount: 1 } });
    const start = performance.now(), seconds = await secondsOnGpu(gpu, body, 0);
    assert(seconds! > 0 && 1000 * seconds! < performance.now() - start);
    assertEquals([...await gpu.read(out)], [4]);
    gpu.time = () => Promise.resolve([1, 2, 4, 9]);
    assertEquals(await secondsOnGpu(gpu, body, 0), 0.003);
    const without = { device: { features: new Set() } } as unknown as Gpu;
    assertEquals(await secondsOnGpu(without, body, 0), undefined);
  }));
