/** `--prof`: trains one batch under the profiler and prints where the time went. */

import { checkTimestamps } from "../model/checks.ts";
import type { Job } from "../training/run.ts";
import { newModel } from "./new_model.ts";
import { formatCount, labelled } from "../shared/format.ts";
import { Losses } from "../evaluation/losses.ts";
import { Trainer } from "../training/trainer.ts";

/** Profiles a batch; nothing is saved. */
export async function profileBatch(job: Job): Promise<void> {
  const { gpu, settings, epochs, io } = job;
  checkTimestamps(gpu.device);
  using model = newModel(job);
  using trainer = new Trainer(gpu, model, settings);
  using losses = new Losses(gpu);
  const batch = epochs.at(1).at(0);
  await trainer.step(batch, losses); // compiles the kernels
  const { rows, wallMs } = await gpu.profile(() => trainer.step(batch, losses));
  const total = rows.reduce((sum, { ms }) => sum + ms, 0);
  io.result(
    labelled(
      "one batch",
      `${formatCount(batch.tokens)} tokens, ${formatCount(batch.steps)} steps of ` +
        `${formatCount(batch.batchSize)} rows`,
    ),
  );
  const width = Math.max(...rows.map(({ label }) => label.length));
  const row = (label: string, runs: string, ms: string, share: string) =>
    label.padEnd(width) + runs.padStart(9) + ms.padStart(11) + share.padStart(8);
  io.result(row("operation", "runs", "ms", "share"));
  for (const { label, runs, ms } of rows) {
    const share = `${(100 * ms / total).toFixed(1)} %`;
    io.result(row(label, formatCount(runs), ms.toFixed(3), share));
  }
  io.result(
    labelled(
      "kernels",
      `${total.toFixed(1)} ms, with recording and waiting ${wallMs.toFixed(1)} ms`,
    ),
  );
}
