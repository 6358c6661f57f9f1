/**
 * What ranks lose to communication, with steps of a known time. `record FILE` trains a few real steps and keeps
 * the sizes of their messages in a file for each rank; `replay FILE` sends such messages again and again, with a
 * pause in place of the computation. bench/scaling.sh starts the ranks, each in a network of its own.
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

/** A call, and the numbers that this rank gave. */
interface Message {
  readonly call: "sum" | "gather";
  readonly length: number;
}

/** Ranks whose messages are kept. */
class Kept extends Measured {
  readonly messages: Message[] = [];

  override sum(data: Float32Array): Promise<void> {
    this.messages.push({ call: "sum", length: data.length });
    return super.sum(data);
  }

  override gather<T extends TensorData>(own: T): Promise<T[]> {
    this.messages.push({ call: "gather", length: own.length });
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
    if (i % every > 0) continue;
    for (const { call, length } of messages) await measured[call](new Float32Array(length));
  }
  return { part: computed / (performance.now() - begin), bytes: measured.bytes / steps };
}

prepareDriver();
const [task, file] = Deno.args, mpi = await openMpi({ rankTimeout: 600 });
const path = `${file}.${mpi.size}.${mpi.rank}.json`, periods = [1, SYNC_EVERY];
if (task === "record") {
  const all: (readonly Message[])[] = [];
  for (const every of periods) all.push(await messagesOf(mpi, every > 1));
  Deno.writeTextFileSync(path, JSON.stringify(all));
} else {
  const all: Message[][] = JSON.parse(Deno.readTextFileSync(path));
  for (const [i, every] of periods.entries()) {
    for (const stepMs of STEPS_MS) {
      const { part, bytes } = await efficiency(mpi, all[i]!, { stepMs, every });
      const cells = [every, stepMs, (bytes / 1e6).toFixed(2), `${(100 * part).toFixed(0)} %`];
      if (mpi.rank === 0) console.log(`| ${[mpi.size, ...cells].join(" | ")} |`);
    }
  }
}
await mpi.finalize();
Deno.exit(0);
