/** Chooses the variants of kernels that a command runs with. */

import { tune, type Tuning } from "../../kernels/mod.ts";
import type { Gpu } from "../../mod.ts";
import type { Settings } from "../options/options.ts";
import { labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import { Ranks } from "../shared/ranks.ts";
import { keepTuning, keptTuning } from "../storage/tunings.ts";

/** Finds the best tuning. */
type Measure = (gpu: Gpu) => Promise<Tuning>;

/**
 * Times the kernels on a GPU for which no tuning is kept, unless `--no-autotune`. All ranks take rank 0's tuning,
 * as their sums must have the same bits.
 *
 * @param gpu From {@linkcode openGpu}, with the kept tuning if there is one.
 */
export async function tuneGpu(
  gpu: Gpu,
  { autotune }: Pick<Settings, "autotune">,
  io: Io,
  ranks: Ranks = new Ranks(),
  measure: Measure = tune,
): Promise<void> {
  const isUnknown = autotune && !gpu.software && keptTuning(gpu) === undefined;
  if (ranks.isFirst && isUnknown) gpu.tuning = await measured(gpu, io, measure);
  gpu.tuning = await ranks.fromFirst(gpu.tuning);
  if (gpu.family === "hardware") io.detail(labelled("tuning", JSON.stringify(gpu.tuning)));
}

/** Times the kernels, and keeps the choice for other runs. */
async function measured(gpu: Gpu, io: Io, measure: Measure): Promise<Tuning> {
  io.out(labelled("tuning", "times the kernels on this adapter, once (--no-autotune: not at all)"));
  const tuning = await measure(gpu), trouble = keepTuning(gpu, tuning);
  if (trouble !== undefined) io.detail(labelled("tuning", `is not kept: ${trouble}`));
  return tuning;
}
