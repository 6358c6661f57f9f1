/** What the variants of kernels for GPUs cost that `tune()` chooses from, next to the fixed ones. */

import { FIXED_TUNING, type Tuning } from "../kernels/mod.ts";
import { Gpu } from "../mod.ts";
import { timesOf, TRIALS } from "../kernels/tune.ts";
import type { Table } from "./table.ts";
import { median } from "./timing.ts";

/** Milliseconds of each choice's work, on this adapter's own device with the kernels for GPUs. */
export async function tuningTable(): Promise<Table> {
  await using gpu = await Gpu.create({ family: "hardware" });
  const rows = [];
  for (const { others, prepare } of TRIALS) {
    const tunings = [FIXED_TUNING, ...others.map((other) => ({ ...FIXED_TUNING, ...other }))];
    const times = await timesOf(gpu, tunings, prepare), [fixed] = times.map(median);
    const sizes = [...new Set(others.flatMap(Object.keys))] as (keyof Tuning)[];
    for (const [i, some] of times.entries()) {
      rows.push({
        "size": sizes.join(", "),
        "value": sizes.map((size) => tunings[i]![size]).join(", "),
        "ms": median(some),
        "over the fixed one": median(some) / fixed!,
      });
    }
  }
  return {
    title: "Variants of kernels, by what they are chosen by",
    rows,
    notes: ["The first of each size is the fixed one."],
  };
}
