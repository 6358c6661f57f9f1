/** One run of the program: train a model and test it, profile a batch, or test a saved model. */

import { DeviceError, Gpu, NoAdapterError } from "../../mod.ts";
import { adapterLine, adapterWarnings, graphicsDevices, unusedGpu } from "../shared/adapter.ts";
import { evaluationBatches, isFromBatch, trainingBatches } from "../data/batches.ts";
import {
  boundsOf,
  checkEvaluation,
  checkModel,
  checkTimestamps,
  checkTraining,
  largestShape,
} from "../model/checks.ts";
import { loadModel, makeModel } from "../storage/checkpoint.ts";
import { type Corpus, loadCorpus } from "../data/corpus.ts";
import { describeCorpus, describeModel } from "./describe.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import { evaluationProblem } from "../options/evaluation_kind.ts";
import type { Io } from "../shared/io.ts";
import { Losses } from "../evaluation/losses.ts";
import { Metrics } from "../storage/metrics.ts";
import type { WordModel } from "../model/model.ts";
import { checkSavable } from "../storage/model_file.ts";
import { noiseWarning } from "../model/noise.ts";
import { summarize } from "../training/summary.ts";
import type { Settings } from "../options/settings.ts";
import { modelPath, train } from "../training/train.ts";
import { Trainer } from "../training/trainer.ts";
import { unknownWarnings } from "../data/unknown.ts";

/** Does what `settings` say; throws a UsageError or a Failure with one clear line. */
export async function run(settings: Settings, io: Io): Promise<void> {
  const corpus = loadCorpus(settings, io), trains = settings.train || settings.prof;
  checkSamples(settings, corpus, io);
  if (settings.train) checkSavable(settings, corpus.vocabulary);
  await using gpu = await openGpu(settings);
  io.out(`adapter     ${adapterLine(gpu)}`);
  for (const warning of adapterWarnings(gpu, graphicsDevices())) io.err(warning);
  for (const line of describeCorpus(settings.data, corpus)) io.out(line);
  for (const warning of unknownWarnings(corpus)) io.err(warning);
  if (!trains) return await test(gpu, settings, corpus, io);
  checkSizes(gpu, settings, corpus);
  using model = makeModel(gpu, settings, corpus.vocabulary);
  io.out(`model       ${describeModel(model, settings)}`);
  if (settings.prof) await profile(gpu, settings, corpus, model, io);
  else await train(gpu, settings, corpus, model, io);
}

/** Samples and words: more of the former are impossible or no use. */
function checkSamples(settings: Settings, { vocabulary }: Corpus, io: Io): void {
  const { train, prof, loss, noiseRatio, noise, unique, evaluation } = settings;
  const { batchSize, bptt } = settings;
  const warn = (option: string, instead: string) =>
    io.err(`warning: ${option} is over the ${vocabulary.size} words: ${instead} costs less`);
  if (typeof evaluation === "object" && evaluation.sampled > vocabulary.size) {
    warn(`--evaluation sampled:${evaluation.sampled}`, "--evaluation full");
  }
  if (!(train || prof) || loss === "full") return;
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

/** What the device cannot hold is told before anything is made. */
function checkSizes(
  gpu: Gpu,
  settings: Settings,
  { vocabulary, train, valid, test }: Corpus,
): void {
  const { concat, loss, evaluation } = settings;
  const bounds = boundsOf(gpu, vocabulary.size);
  checkModel(settings, bounds);
  checkTraining(settings, bounds, largestShape(train, trainingBatches(train, settings, 1), concat));
  if (settings.prof) return checkTimestamps(gpu.device);
  const validation = loss === "neg" ? "loss" : "full";
  const planned = { saved: false, batches: evaluationBatches(valid), kind: validation } as const;
  checkEvaluation(settings, bounds, planned);
  checkEvaluation(settings, bounds, {
    ...planned,
    batches: evaluationBatches(test),
    kind: evaluation,
  });
}

async function openGpu(settings: Settings): Promise<Gpu> {
  try {
    return await Gpu.create({ hardware: settings.cuda });
  } catch (error) {
    if (!(error instanceof NoAdapterError || error instanceof DeviceError)) throw error;
    const gpu = error instanceof NoAdapterError ? unusedGpu(graphicsDevices()) : undefined;
    const hints = [gpu, settings.cuda ? "leave out --cuda to use what there is" : undefined];
    const message = [error.message, ...hints.filter((hint) => hint !== undefined)].join("; ");
    throw new Failure(message, { cause: error });
  }
}

/** Tests a saved model. */
async function test(gpu: Gpu, settings: Settings, corpus: Corpus, io: Io): Promise<void> {
  const path = modelPath(settings.save), { evaluation } = settings;
  const { model, vocabulary, settings: own } = loadModel(gpu, path);
  using _model = model;
  io.out(`model       ${path}: ${describeModel(model, own)}`);
  const problem = evaluationProblem(own, evaluation);
  if (problem !== undefined) throw new Failure(`${path}: ${problem}`);
  if (!vocabulary.equals(corpus.vocabulary)) {
    throw new Failure(
      `Cannot test ${path} on ${settings.data}: it was trained with another vocabulary ` +
        `(${vocabulary.size} words, here ${corpus.vocabulary.size}); give its --data, --vocab ` +
        "and --min-freq",
    );
  }
  checkEvaluation({ ...settings, ...own }, boundsOf(gpu, vocabulary.size), {
    kind: evaluation,
    batches: evaluationBatches(corpus.test),
    saved: true,
  });
  const metrics = new Metrics(settings.save, io);
  await summarize(gpu, { model, corpus, evaluation, metrics, io });
}

/** Trains one batch under the profiler and prints where the time went. */
async function profile(
  gpu: Gpu,
  settings: Settings,
  corpus: Corpus,
  model: WordModel,
  io: Io,
): Promise<void> {
  using trainer = new Trainer(gpu, model, settings);
  using losses = new Losses(gpu);
  const [batch] = trainingBatches(corpus.train, settings, 1);
  trainer.step(batch!, losses); // compiles the kernels
  const { rows, wallMs } = await gpu.profile(() => trainer.step(batch!, losses));
  const total = rows.reduce((sum, { ms }) => sum + ms, 0);
  io.out(`one batch   ${batch!.tokens} tokens, ${batch!.steps} steps of ${batch!.batchSize} rows`);
  io.out("operation                  runs         ms   share");
  for (const { label, runs, ms } of rows) {
    const share = `${(100 * ms / total).toFixed(1)} %`;
    io.out(
      label.padEnd(24) + String(runs).padStart(7) + ms.toFixed(3).padStart(11) + share.padStart(8),
    );
  }
  io.out(`kernels ${total.toFixed(1)} ms, with recording and waiting ${wallMs.toFixed(1)} ms`);
}
