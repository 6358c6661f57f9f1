/**
 * What ranks lose to communication, with steps of a known time. `record FILE` trains a few real steps and keeps
 * the sizes of their messages in a file for each rank; `replay FILE` sends such messages again and again, with a
 * pause in place of the computation. bench/scaling.sh starts the ranks, each in a network of its own.
 */

import { setTimeout as pause } from "node:timers/promises";
import { openGpu } from "../example/storage/open_gpu.ts";
import { trainingBatches } from "../example/data/batches.ts";
import { loadCorpus } from "../example/data/corpus.ts";
import { openMpi } from "../example/distributed/mpi.ts";
import { Measured } from "../example/distributed/measured.ts";
import { Losses } from "../example/evaluation/losses.ts";
import { parseSettings } from "../example/options/settings.ts";
import { Ranks } from "../example/shared/ranks.ts";
import { makeModel } from "../example/model/make_model.ts";
import { Trainer } from "../example/training/trainer.ts";
import type { Communicator } from "../kernels/mod.ts";
import type { TensorData } from "../mod.ts";

/** Milliseconds of a step's computation. */
const STEPS_MS = [75, 4];
/** How often ranks communicate in a measurement: after each step, or after many. */
const STEPS = 50, SYNCS = 3;
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
  await using gpu = await openGpu();
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

/** Milliseconds of communication after `every` steps of `stepMs` milliseconds: each time, and the bytes sent. */
async function communication(
  mpi: Communicator,
  messages: readonly Message[],
  { stepMs, every }: { stepMs: number; every: number },
): Promise<{ ms: number[]; bytes: number }> {
  const measured = new Measured(mpi), ms: number[] = [];
  const times = every === 1 ? STEPS : SYNCS;
  for (let i = 0; i < times; i++) {
    for (let step = 0; step < every; step++) await pause(stepMs);
    await mpi.barrier(); // pauses differ a little, which is no communication
    const begin = performance.now();
    for (const { call, length } of messages) await measured[call](new Float32Array(length));
    ms.push(performance.now() - begin);
  }
  return { ms: ms.sort((a, b) => a - b), bytes: measured.bytes / times };
}

const [task, file] = Deno.args, mpi = await openMpi(600);
const path = `${file}.${mpi.size}.${mpi.rank}.json`, periods = [1, SYNC_EVERY];
if (task === "record") {
  const all = await Array.fromAsync(periods, (every) => messagesOf(mpi, every > 1));
  Deno.writeTextFileSync(path, JSON.stringify(all));
} else {
  const all: Message[][] = JSON.parse(Deno.readTextFileSync(path));
  for (const [i, every] of periods.entries()) {
    for (const stepMs of STEPS_MS) {
      const { ms, bytes } = await communication(mpi, all[i]!, { stepMs, every });
      const at = (part: number) => ms[Math.floor(part * ms.length)]!;
      const efficiency = (lost: number) =>
        `${(100 * every * stepMs / (every * stepMs + lost)).toFixed(0)} %`;
      const cells = [mpi.size, every, stepMs, (bytes / every / 1e6).toFixed(2)];
      const times = [0.5, 0.1].flatMap((part) => [at(part).toFixed(0), efficiency(at(part))]);
      if (mpi.rank === 0) console.log(`| ${[...cells, ...times].join(" | ")} |`);
    }
  }
}
await mpi.finalize();
Deno.exit(0);
