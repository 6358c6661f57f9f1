// Timing: what is measured, and when the GPU has to be idle.

import { assert, assertEquals } from "@std/assert";
import { median, secondsToRecord } from "../../bench/timing.ts";
import type { Gpu } from "../../mod.ts";

Deno.test("median() takes the mean of both middle values, and has none of no values", () => {
  assertEquals([[3], [3, 1, 2], [4, 1, 3, 2], []].map(median), [3, 2, 2.5, NaN]);
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
