/** The root command: reads the text, opens the GPU, and trains, profiles or tests. */

import { adapterLine, adapterWarnings, graphicsDevices } from "../shared/adapter.ts";
import { type Corpus, loadCorpus } from "../data/corpus.ts";
import { checkSavable } from "../storage/model_file.ts";
import { describeCorpus } from "./describe.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";
import { isFromBatch, modeOf, type Settings } from "../options/settings.ts";
import { noiseWarning } from "../model/noise.ts";
import { openGpu } from "./open_gpu.ts";
import { profileBatch } from "./profile.ts";
import { testModel } from "./test.ts";
import { trainModel } from "./train.ts";
import { unknownWarnings } from "../data/unknown.ts";

const COMMANDS = { train: trainModel, profile: profileBatch, test: testModel };

/** Does what `settings` say; throws a UsageError or a Failure with one clear line. */
export async function run(settings: Settings, io: Io): Promise<void> {
  const corpus = loadCorpus(settings, io), mode = modeOf(settings);
  checkSamples(settings, corpus, io);
  if (mode === "train") checkSavable(settings, corpus.vocabulary);
  await using gpu = await openGpu(settings);
  io.out(`adapter     ${adapterLine(gpu)}`);
  for (const warning of adapterWarnings(gpu, graphicsDevices())) io.err(warning);
  for (const line of describeCorpus(settings.data, corpus)) io.out(line);
  for (const warning of unknownWarnings(corpus)) io.err(warning);
  await COMMANDS[mode]({ gpu, settings, corpus, io });
}

/** Samples and words: more of the former are impossible or no use. */
function checkSamples(settings: Settings, { vocabulary }: Corpus, io: Io): void {
  const { loss, noiseRatio, noise, unique, evaluation, batchSize, bptt } = settings;
  const warn = (option: string, instead: string) =>
    io.err(`warning: ${option} is over the ${vocabulary.size} words: ${instead} costs less`);
  if (typeof evaluation === "object" && evaluation.sampled > vocabulary.size) {
    warn(`--evaluation sampled:${evaluation.sampled}`, "--evaluation full");
  }
  if (modeOf(settings) === "test" || loss === "full") return;
  const warning = noiseWarning(settings, vocabulary.counts);
  if (warning !== undefined) io.err(warning);
  if (isFromBatch(noise) && batchSize === 1 && bptt === 1) {
    throw new UsageError(
      `Cannot use --noise ${noise} with --batch-size 1 and --bptt 1: a batch has one target, and no ` +
        "other to tell it from; make one of them larger",
    );
  }
  if (noise === "batch" || noiseRatio <= vocabulary.size) return;
  if (!unique) return warn(`--noise-ratio ${noiseRatio}`, "--loss full");
  throw new Failure(
    `Cannot draw --noise-ratio ${noiseRatio} different words (--unique) of ${vocabulary.size}: ` +
      `give at most ${vocabulary.size}`,
  );
}
