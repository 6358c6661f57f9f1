/** One run of the program: train a model and test it, profile a batch, or test a saved model. */

import { DeviceError, Gpu, NoAdapterError } from "../mod.ts";
import { adapterLine, adapterWarnings, graphicsDevices, unusedGpu } from "./adapter.ts";
import { isFromBatch, trainingBatches } from "./batches.ts";
import { loadModel, makeModel } from "./checkpoint.ts";
import { type Corpus, loadCorpus } from "./corpus.ts";
import { Failure, UsageError } from "./errors.ts";
import type { Io } from "./io.ts";
import { Losses } from "./losses.ts";
import { Metrics } from "./metrics.ts";
import type { WordModel } from "./model.ts";
import { noiseWarning } from "./noise.ts";
import { report } from "./report.ts";
import type { Settings } from "./settings.ts";
import { modelPath, train } from "./train.ts";
import { Trainer } from "./trainer.ts";
import { describeUnknown, unknownWarnings } from "./unknown.ts";

/** Does what `settings` say; throws a UsageError or a Failure with one clear line. */
export async function run(settings: Settings, io: Io): Promise<void> {
  const corpus = loadCorpus(settings);
  await using gpu = await openGpu(settings);
  io.out(`adapter     ${adapterLine(gpu)}`);
  for (const warning of adapterWarnings(gpu, graphicsDevices())) io.err(warning);
  for (const line of describe(settings.data, corpus)) io.out(line);
  for (const warning of unknownWarnings(corpus)) io.err(warning);
  if (!settings.train && !settings.prof) return await test(gpu, settings, corpus, io);
  using model = newModel(gpu, settings, corpus, io);
  if (settings.prof) await profile(gpu, settings, corpus, model, io);
  else await train(gpu, settings, corpus, model, io);
}

/** What the text is, a line each. */
function describe(data: string, corpus: Corpus): string[] {
  const { vocabulary, train, valid, test, notes } = corpus, unknown = describeUnknown(corpus);
  const counts = [train, valid, test].map((text) => text.words.toLocaleString("en-US"));
  return [
    `data        ${data}: ${counts.join(" / ")} words to train, validate and test on; ` +
    `vocabulary ${vocabulary.size.toLocaleString("en-US")}`,
    ...notes.map((note) => `marks       ${note}`),
    ...(unknown === undefined ? [] : [`unknown     ${unknown}`]),
  ];
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

/** A model with initial weights, as the settings describe it. */
function newModel(gpu: Gpu, settings: Settings, { vocabulary }: Corpus, io: Io): WordModel {
  const { indexModule, loss, noiseRatio, noise, normTerm, nlayers, nhid, emsize } = settings;
  const { batchSize, bptt } = settings;
  const sampled = loss !== "full";
  if (sampled && noiseRatio > vocabulary.size) {
    if (settings.unique) {
      throw new Failure(`Cannot draw ${noiseRatio} different ones of ${vocabulary.size} words`);
    }
    io.err(
      `warning: --noise-ratio ${noiseRatio} is over the ${vocabulary.size} words: ` +
        "--loss full costs less",
    );
  }
  if (sampled && isFromBatch(noise) && batchSize === 1 && bptt === 1) {
    throw new UsageError(
      `Cannot use --noise ${noise} with --batch-size 1 and --bptt 1: a batch has one target, and no ` +
        "other to tell it from; make one of them larger",
    );
  }
  const warning = sampled ? noiseWarning(settings, vocabulary.counts) : undefined;
  if (warning !== undefined) io.err(warning);
  const model = makeModel(gpu, settings, vocabulary);
  const size = model.parameters().reduce((sum, [, parameter]) => sum + parameter.size, 0);
  const network = indexModule === "gru" ? `GRU ${nhid}` : `LSTM ${nlayers} x ${nhid}`;
  io.out(
    `model       ${network}, embedding ${emsize}, ${size.toLocaleString("en-US")} parameters; ` +
      `loss ${loss}` +
      (sampled ? `, ${noise} noise, k = ${noiseRatio}, norm term ${normTerm}` : ""),
  );
  return model;
}

/** Tests a saved model. */
async function test(gpu: Gpu, settings: Settings, corpus: Corpus, io: Io): Promise<void> {
  const path = modelPath(settings.save);
  const { model, vocabulary } = loadModel(gpu, path);
  using _model = model;
  if (!vocabulary.equals(corpus.vocabulary)) {
    throw new Failure(
      `Cannot test ${path} on ${settings.data}: it was trained with another vocabulary ` +
        `(${vocabulary.size} words, here ${corpus.vocabulary.size}); give its --data, --vocab ` +
        "and --min-freq",
    );
  }
  const metrics = new Metrics(settings.save, io);
  await report(gpu, { model, corpus, evaluation: settings.evaluation, metrics, io });
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
