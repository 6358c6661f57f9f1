/** What ranks lose to exchanging numbers: the network by itself, and in steps of training. */

import { format as formatBytes } from "@std/fmt/bytes";
import type { Communicator } from "../../kernels/mod.ts";
import type { Epoch } from "../data/epoch.ts";
import { Measured } from "../distributed/measured.ts";
import { Losses } from "../evaluation/losses.ts";
import type { WordModel } from "../model/model.ts";
import type { Gpu } from "../../mod.ts";
import type { Settings } from "../options/options.ts";
import { formatPercent } from "../shared/format.ts";
import { Ranks } from "../shared/ranks.ts";
import { Trainer } from "../training/trainer.ts";
import { type Finding, finding } from "./finding.ts";

/** Numbers of a large message: 4 MB. */
const MANY = 2 ** 20;
/** Steps before the clock starts, and at most after that. */
const WARM_UP = 2, MOST_STEPS = 50;
/** The part of a step from which on communication is worth a remedy. */
const MUCH = 0.25;

/** Sends messages of each kind for about `budgetMs` milliseconds, by rank 0's clock; all ranks call it. */
export async function networkFact(communicator: Communicator, budgetMs: number): Promise<Finding> {
  const ranks = new Ranks(communicator), { size } = communicator;
  const calls: Record<string, (measured: Communicator) => Promise<unknown>> = {
    message: (measured) => measured.gather(new Float32Array(1)),
    sum: (measured) => measured.sum(new Float32Array(MANY)),
    gather: (measured) => measured.gather(new Float32Array(MANY / size)),
    exchange: (measured) =>
      measured.exchange(Array.from({ length: size }, () => new Float32Array(MANY / size))),
  };
  const found = new Map<string, Measured[]>(Object.keys(calls).map((name) => [name, []]));
  const end = performance.now() + budgetMs;
  do {
    for (const [name, call] of Object.entries(calls)) {
      const measured = new Measured(communicator);
      await communicator.barrier();
      await call(measured);
      found.get(name)!.push(measured);
    }
  } while (await ranks.fromFirst(performance.now() < end));
  const of = (name: string) => median(found.get(name)!);
  const speed = (name: string) => 1000 * of(name).bytes / of(name).ms;
  const kinds = ["sum", "gather", "exchange"].map((name) =>
    `${formatBytes(speed(name))}/s in ${name === "exchange" ? "an" : "a"} ${name}`
  );
  return finding("ranks", "network", {
    text:
      `a short message takes ${of("message").ms.toFixed(2)} ms; of ${formatBytes(4 * MANY)} a ` +
      `rank sends ${kinds.join(", ")}`,
    figures: {
      messageMs: of("message").ms,
      sumBytesPerSecond: speed("sum"),
      gatherBytesPerSecond: speed("gather"),
      exchangeBytesPerSecond: speed("exchange"),
    },
  });
}

function median(calls: readonly Measured[]): Measured {
  return calls.toSorted((a, b) => a.ms - b.ms)[Math.floor(calls.length / 2)]!;
}

/** Steps of training together. */
export interface TogetherOptions {
  readonly gpu: Gpu;
  readonly model: WordModel;
  readonly settings: Settings;
  readonly batches: Epoch;
  /** Milliseconds to spend, and those of a step by one rank alone; rank 0's count. */
  readonly budgetMs: number;
  readonly stepMs: number;
}

/** Trains for some steps, and tells how long a rank is at exchanging numbers; all ranks call it. */
export async function stepFact(
  communicator: Communicator,
  { gpu, model, settings, batches, budgetMs, stepMs }: TogetherOptions,
): Promise<Finding> {
  const measured = new Measured(communicator), ranks = new Ranks(measured);
  using trainer = new Trainer(gpu, model, settings, ranks);
  using losses = new Losses(gpu);
  const steps = await ranks.fromFirst(
    Math.max(WARM_UP, Math.min(MOST_STEPS, Math.round(budgetMs / stepMs))),
  );
  const train = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await trainer.step(batches.at(i % batches.length), losses);
      await gpu.keepUp();
    }
    await gpu.finish();
  };
  await train(WARM_UP);
  await trainer.sync();
  await communicator.barrier();
  const begin = performance.now();
  Object.assign(measured, { ms: 0, bytes: 0 });
  await train(steps);
  const trained = performance.now(), { syncEvery } = settings, isApart = syncEvery > 1;
  await trainer.sync();
  const syncMs = performance.now() - trained;
  // With --sync-every only coming together is communication, reading and writing the model included.
  const lostMs = isApart ? syncMs / syncEvery : measured.ms / steps;
  const bytes = measured.bytes / (isApart ? syncEvery : steps);
  const wholeMs = (trained - begin) / steps + (isApart ? lostMs : 0), part = lostMs / wholeMs;
  return finding("ranks", "step", {
    text:
      `${wholeMs.toFixed(1)} ms, of which ${lostMs.toFixed(1)} ms (${formatPercent(part)}) go to ` +
      `${isApart ? "coming together" : "the other ranks"}; a rank sends ${formatBytes(bytes)}` +
      (isApart ? `, both as a share of --sync-every ${syncEvery}` : ""),
    cure: part < MUCH
      ? undefined
      : isApart
      ? "a larger --sync-every or --batch-size"
      : "a larger --batch-size, or --sync-every 100 (docs/distributed.md)",
    figures: { stepMs: wholeMs, communicationMs: lostMs, bytes },
  });
}
