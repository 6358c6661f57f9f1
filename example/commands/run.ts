/** The root command: reads the text, opens the GPU, and trains, profiles or tests. */

import { ALONE, type Communicator } from "../../kernels/mod.ts";
import { Epochs } from "../data/batches.ts";
import { loadCorpus } from "../data/corpus.ts";
import { scoredParts } from "../data/part.ts";
import { describeCorpus } from "./describe.ts";
import { labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import { modeOf } from "../options/effects.ts";
import type { Settings } from "../options/options.ts";
import { openCheckpoint } from "../storage/checkpoint.ts";
import { checkModelWritable } from "../storage/lock.ts";
import { openGpu, tellAdapter } from "../storage/open_gpu.ts";
import { startWords } from "../storage/start.ts";
import { profileBatch } from "./profile.ts";
import { checkSamples } from "./samples.ts";
import { Ranks } from "../shared/ranks.ts";
import { testModel } from "./test.ts";
import { trainModel } from "./train.ts";
import { tuneGpu } from "./tune_gpu.ts";
import { checkWords, STARTED_CURES, unknownWarnings } from "../data/unknown.ts";

/** Runs `settings`; throws a UsageError or a Failure with one clear line. */
export async function run(settings: Settings, io: Io): Promise<void> {
  const mode = modeOf(settings);
  if (!settings.distributed || mode === "profile") return await runAlone(settings, io);
  const { asRank } = await import("./distributed.ts"); // loads a library of the system
  await asRank(settings, io, async (mpi, io) => {
    io.out(labelled("ranks", `${mpi.size}, over ${mpi.library}`));
    await runAlone(settings, io, mpi);
  });
}

/** Runs `settings`, or this rank's part of it; rank 0 has the files. */
async function runAlone(
  settings: Settings,
  io: Io,
  communicator: Communicator = ALONE,
): Promise<void> {
  const mode = modeOf(settings), isFirst = communicator.rank === 0;
  if (mode === "test") return await testModel(settings, io, communicator);
  if (mode === "train" && isFirst) {
    if (settings.resume) openCheckpoint(settings)?.[Symbol.dispose]();
    checkModelWritable(settings.save);
  }
  const whole = await loadCorpus({ ...settings, words: startWords(settings, io) }, io);
  checkWords(settings, whole);
  checkSamples(settings, whole, io);
  await using gpu = await openGpu(settings);
  tellAdapter(gpu, io);
  await tuneGpu(gpu, settings, io, new Ranks(communicator));
  for (const line of describeCorpus(settings, whole)) io.out(line);
  const cures = settings.start === null ? {} : STARTED_CURES;
  for (const warning of unknownWarnings(whole, cures)) io.err(warning);
  const corpus = { ...whole, ...scoredParts(whole, settings.evalTokens) };
  const epochs = new Epochs(corpus.train, settings);
  const job = { gpu, settings, corpus, epochs, io, communicator };
  await (mode === "train" ? trainModel(job) : profileBatch(job));
}
