/**
 * What ranks lose to communication, with steps of a known time. Each rank trains a few real steps, and the
 * messages of the last are kept; they are then sent again and again, with a pause in place of the computation.
 * bench/scaling.sh starts the ranks, each in a network of its own.
 */

import { setTimeout as pause } from "node:timers/promises";
import { trainingBatches } from "../example/data/batches.ts";
import { loadCorpus } from "../example/data/corpus.ts";
import { openMpi } from "../example/distributed/mpi.ts";
import { Measured } from "../example/distributed/measured.ts";
import { Losses } from "../example/evaluation/losses.ts";
import { parseSettings } from "../example/options/settings.ts";
import { prepareDriver } from "../example/shared/driver.ts";
import { Ranks } from "../example/shared/ranks.ts";
import { makeModel } from "../example/storage/checkpoint.ts";
import { Trainer } from "../example/training/trainer.ts";
import type { Communicator } from "../kernels/mod.ts";
import { Gpu, type TensorData } from "../mod.ts";

/** Milliseconds of a step's computation, and of all steps of a measurement. */
const STEPS_MS = [75, 4], SPENT_MS = 4000;
const SYNC_EVERY = 100, ROWS_A_RANK = 20;

/** Sends a message again, with other numbers. */
type Message = (communicator: Communicator) => Promise<unknown>;

/** Ranks whose messages are kept. */
class Kept extends Measured {
  readonly messages: Message[] = [];

  override sum(data: Float32Array): Promise<void> {
    this.messages.push((communicator) => communicator.sum(new Float32Array(data.length)));
    return super.sum(data);
  }

  override gather<T extends TensorData>(own: T): Promise<T[]> {
    this.messages.push((communicator) => communicator.gather(new Float32Array(own.length)));
    return super.gather(own);
  }
}

/** The messages of a step, and of coming together after some by each rank itself. */
async function messagesOf(mpi: Communicator, apart: boolean): Promise<readonly Message[]> {
  const settings = parseSettings({
    ...{ "train": true, "nce": true, "data": "synthetic:words=60000,vocab=10000" },
    ...{ "batch-size": `${ROWS_A_RANK * mpi.size}`, "distributed": true },
    ...apart ? { "sync-every": `${SYNC_EVERY}` } : {},
  });
  const corpus = await loadCorpus(settings), batches = trainingBatches(corpus.train, settings, 1);
  await using gpu = await Gpu.create();
  const kept = new Kept(mpi);
  using model = makeModel(gpu, settings, corpus.vocabulary);
  using trainer = new Trainer(gpu, model, settings, new Ranks(kept));
  using losses = new Losses(gpu);
  const steps = apart ? SYNC_EVERY : 3;
  for (let i = 0; i < steps; i++) {
    kept.messages.length = 0;
    await trainer.step(batches.at(i % batches.length), losses);
    await gpu.finish();
  }
  await trainer.sync();
  return kept.messages;
}

/** Computes and communicates; returns the part of the time that went to computing, and bytes sent a step. */
async function efficiency(
  mpi: Communicator,
  messages: readonly Message[],
  { stepMs, every }: { stepMs: number; every: number },
): Promise<{ part: number; bytes: number }> {
  const measured = new Measured(mpi);
  const steps = every * Math.max(1, Math.round(SPENT_MS / stepMs / every));
  await mpi.barrier();
  const begin = performance.now();
  let computed = 0;
  for (let i = 1; i <= steps; i++) {
    const start = performance.now();
    await pause(stepMs);
    computed += performance.now() - start;
    if (i % every === 0) { for (const send of messages) await send(measured); }
  }
  return { part: computed / (performance.now() - begin), bytes: measured.bytes / steps };
}

prepareDriver();
const mpi = await openMpi({ rankTimeout: 600 });
for (const every of [1, SYNC_EVERY]) {
  const messages = await messagesOf(mpi, every > 1);
  for (const stepMs of STEPS_MS) {
    const { part, bytes } = await efficiency(mpi, messages, { stepMs, every });
    if (mpi.rank > 0) continue;
    const cells = [
      mpi.size,
      every,
      stepMs,
      (bytes / 1e6).toFixed(2),
      `${(100 * part).toFixed(0)} %`,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
await mpi.finalize();
Deno.exit(0);
