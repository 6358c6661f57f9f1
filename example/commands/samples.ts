/** Numbers of samples that are useless or impossible for the number of words. */

import type { Corpus } from "../data/corpus.ts";
import { UsageError } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";
import { isFromBatch } from "../options/choices.ts";
import type { Settings } from "../options/options.ts";
import { noiseWarning } from "../model/noise.ts";

/** Warns if a test draws more samples than there are words. */
export function warnOfSamples({ evaluation }: Settings, words: number, io: Pick<Io, "err">): void {
  if (typeof evaluation !== "object" || evaluation.sampled <= words) return;
  io.err(tooMany(`--evaluation sampled:${evaluation.sampled}`, words, "--evaluation full"));
}

/**
 * Checks the samples of a training run, and of its test.
 *
 * @throws {UsageError} If there would be none, or there are not enough distinct words.
 */
export function checkSamples(
  settings: Settings,
  { vocabulary }: Corpus,
  io: Pick<Io, "err">,
): void {
  const { loss, noiseRatio, noise, unique, batchSize, bptt } = settings;
  warnOfSamples(settings, vocabulary.size, io);
  if (loss === "full") return;
  const warning = noiseWarning(settings, vocabulary.counts);
  if (warning !== undefined) io.err(warning);
  if (isFromBatch(noise) && batchSize === 1 && bptt === 1) {
    throw new UsageError(
      `Cannot use --noise ${noise} with --batch-size 1 and --bptt 1: a batch has one target, and no ` +
        "other to tell it from; make one of them larger",
    );
  }
  if (noise === "batch" || noiseRatio <= vocabulary.size) return;
  if (!unique) {
    return io.err(tooMany(`--noise-ratio ${noiseRatio}`, vocabulary.size, "--loss full"));
  }
  throw new UsageError(
    `Cannot draw --noise-ratio ${noiseRatio} different words (--unique) of ${vocabulary.size}: ` +
      `give at most ${vocabulary.size}`,
  );
}

function tooMany(option: string, words: number, instead: string): string {
  return `warning: ${option} is over the ${words} words; ${instead} costs less`;
}
