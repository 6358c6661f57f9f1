/** Chooses the variants of kernels that a command runs with. */

import { FIXED_TUNING, type Gpu, tune, type Tuning } from "../../mod.ts";
import type { Settings } from "../options/settings.ts";
import type { Io } from "../shared/io.ts";
import { Ranks } from "../shared/ranks.ts";
import { keepTuning, keptTuning } from "../storage/tunings.ts";

/** Finds the best tuning. */
type Measure = (gpu: Gpu) => Promise<Tuning>;

/**
 * Sets `gpu.tuning`: on a GPU to what is the fastest there, by the file or by `measure`; on software adapters,
 * and with `--no-autotune`, to the fixed one. All ranks take rank 0's, as their sums must have the same bits.
 */
export async function tuneGpu(
  gpu: Gpu,
  { autotune }: Pick<Settings, "autotune">,
  io: Io,
  ranks: Ranks = new Ranks(),
  measure: Measure = tune,
): Promise<void> {
  const measures = ranks.isFirst && autotune && !gpu.software;
  const own = measures ? keptTuning(gpu) ?? await measured(gpu, io, measure) : FIXED_TUNING;
  gpu.tuning = await ranks.fromFirst(own);
  if (gpu.family === "hardware") io.detail(`tuning      ${JSON.stringify(gpu.tuning)}`);
}

/** Times the kernels, and keeps the choice for other runs. */
async function measured(gpu: Gpu, io: Io, measure: Measure): Promise<Tuning> {
  io.out("tuning      times the kernels on this adapter, once (--no-autotune: not at all)");
  const tuning = await measure(gpu), trouble = keepTuning(gpu, tuning);
  if (trouble !== undefined) io.detail(`tuning      is not kept: ${trouble}`);
  return tuning;
}
