/** One run of the program: train a model and test it, profile a batch, or evaluate a saved model. */

import { DeviceError, Gpu, NoAdapterError } from "../mod.ts";
import { evaluationBatches, trainingBatches } from "./batches.ts";
import { loadModel, makeModel, restoreModel, saveModel } from "./checkpoint.ts";
import { type Corpus, loadCorpus } from "./corpus.ts";
import { Failure } from "./errors.ts";
import { evaluate } from "./evaluate.ts";
import { checkWritable, writeFileAtomically } from "./files.ts";
import type { Io } from "./io.ts";
import { Losses } from "./losses.ts";
import { Metrics } from "./metrics.ts";
import type { LanguageModel } from "./model.ts";
import { formatDuration, formatNumber } from "./progress.ts";
import type { Settings } from "./settings.ts";
import { type StopFlag, Trainer } from "./trainer.ts";
import { frequencyText, type Vocabulary } from "./vocab.ts";

const FOLDER = "saved_model";

/** Does what `settings` say; throws a UsageError or a Failure with one clear line. */
export async function run(settings: Settings, io: Io): Promise<void> {
  const corpus = loadCorpus(settings);
  using gpu = await openGpu(settings);
  io.out(`adapter     ${gpu.name}${gpu.software ? " (software)" : ""}`);
  io.out(`data        ${settings.data}: ${describe(corpus)}`);
  if (settings.prof) await profile(gpu, settings, corpus, io);
  else if (settings.train) await train(gpu, settings, corpus, io);
  else await test(gpu, settings, corpus, io);
}

function describe({ vocabulary, train, valid, test }: Corpus): string {
  const counts = [train, valid, test].map((text) => text.words.toLocaleString("en-US"));
  return `${counts.join(" / ")} words to train, validate and test on; ` +
    `vocabulary ${vocabulary.size.toLocaleString("en-US")}`;
}

async function openGpu(settings: Settings): Promise<Gpu> {
  try {
    return await Gpu.create({ hardware: settings.cuda });
  } catch (error) {
    if (!(error instanceof NoAdapterError || error instanceof DeviceError)) throw error;
    const hint = settings.cuda ? "; leave out --cuda to use what there is" : "";
    throw new Failure(error.message + hint, { cause: error });
  }
}

function newModel(gpu: Gpu, settings: Settings, vocabulary: Vocabulary, io: Io): LanguageModel {
  const { loss, noiseRatio, nlayers, nhid, emsize } = settings;
  if (loss !== "full" && noiseRatio > vocabulary.size) {
    io.err(
      `warning: --noise-ratio ${noiseRatio} is larger than the vocabulary of ${vocabulary.size}; ` +
        "--loss full costs less",
    );
  }
  const model = makeModel(gpu, settings, vocabulary);
  const size = model.parameters().reduce((sum, [, parameter]) => sum + parameter.size, 0);
  const noise = loss === "full"
    ? ""
    : `, noise ratio ${noiseRatio}, norm term ${settings.normTerm}`;
  io.out(
    `model       LSTM ${nlayers} x ${nhid}, embedding ${emsize}, ` +
      `${size.toLocaleString("en-US")} parameters; loss ${loss}${noise}`,
  );
  return model;
}

/** Trains, keeps the best model, and tests it. */
async function train(gpu: Gpu, settings: Settings, corpus: Corpus, io: Io): Promise<void> {
  const { vocabulary } = corpus, path = `${FOLDER}/${settings.save}.safetensors`;
  const metrics = new Metrics(settings.save, FOLDER);
  checkWritable(path);
  writeFileAtomically(`${FOLDER}/${settings.save}.freq.txt`, frequencyText(corpus.occurrences));
  using model = newModel(gpu, settings, vocabulary, io);
  using trainer = new Trainer(gpu, model, settings);
  metrics.write({
    event: "start",
    config: settings,
    adapter: gpu.name,
    vocabulary: vocabulary.size,
    seed: settings.seed,
  });
  using stop = onInterrupt(io);
  let best = Infinity;
  for (let epoch = 1; epoch <= settings.epochs && !stop.requested; epoch++) {
    const start = performance.now(), { lr } = trainer.optimizer;
    const batches = trainingBatches(corpus.train, settings, epoch);
    const tokensPerSecond = await trainer.epoch(epoch, batches, io, metrics, stop);
    if (stop.requested) break;
    const { ppl } = await evaluate(gpu, model, evaluationBatches(corpus.valid));
    const seconds = (performance.now() - start) / 1000;
    metrics.write({ event: "epoch", epoch, seconds, validPpl: ppl, lr, tokensPerSecond });
    const better = ppl < best;
    if (better) {
      best = ppl;
      await saveModel(gpu, path, model, vocabulary, settings);
    } else trainer.optimizer.lr /= settings.lrDecay;
    io.out(
      `epoch ${epoch}/${settings.epochs}: valid ppl ${ppl.toFixed(2)}, ` +
        `${formatDuration(seconds * 1000)}, ${Math.round(tokensPerSecond)} tokens/s, ` +
        (better ? `saved ${path}` : `lr now ${formatNumber(trainer.optimizer.lr)}`),
    );
  }
  if (best < Infinity) restoreModel(gpu, path, model);
  else io.out("No epoch was completed: nothing is saved, the test is of the model as it is");
  await report(gpu, model, corpus, metrics, io);
}

/** Evaluates a saved model. */
async function test(gpu: Gpu, settings: Settings, corpus: Corpus, io: Io): Promise<void> {
  const path = `${FOLDER}/${settings.save}.safetensors`;
  const { model, vocabulary } = loadModel(gpu, path);
  using _model = model;
  if (!vocabulary.equals(corpus.vocabulary)) {
    throw new Failure(
      `Cannot evaluate ${path} on ${settings.data}: it was trained with another vocabulary ` +
        `(${vocabulary.size} words, here ${corpus.vocabulary.size}); give its --data, --vocab ` +
        "and --min-freq",
    );
  }
  await report(gpu, model, corpus, new Metrics(settings.save, FOLDER), io);
}

/** The exact perplexity on the test text. */
async function report(
  gpu: Gpu,
  model: LanguageModel,
  corpus: Corpus,
  metrics: Metrics,
  io: Io,
): Promise<void> {
  const { ppl, tokens } = await evaluate(gpu, model, evaluationBatches(corpus.test));
  metrics.write({ event: "test", evaluation: "full", ppl, tokens });
  const best = corpus.bestTestPerplexity;
  io.out(
    `test        ppl ${ppl.toFixed(2)}` +
      (best === undefined
        ? ""
        : `, best possible ${best.toFixed(2)} (ratio ${(ppl / best).toFixed(3)})`) +
      `, ${tokens.toLocaleString("en-US")} tokens`,
  );
}

/** Trains one batch under the profiler and prints where the time went. */
async function profile(gpu: Gpu, settings: Settings, corpus: Corpus, io: Io): Promise<void> {
  using model = newModel(gpu, settings, corpus.vocabulary, io);
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
      `${label.padEnd(24)}${String(runs).padStart(7)}${ms.toFixed(3).padStart(11)}${
        share.padStart(8)
      }`,
    );
  }
  io.out(`kernels ${total.toFixed(1)} ms, with recording and waiting ${wallMs.toFixed(1)} ms`);
}

/** The first Ctrl-C asks training to stop; a second one ends the program. */
function onInterrupt(io: Io): StopFlag & Disposable {
  const stop = {
    requested: false,
    [Symbol.dispose]: () => Deno.removeSignalListener("SIGINT", listener),
  };
  const listener = () => {
    if (stop.requested) Deno.exit(130);
    stop.requested = true;
    io.err("Stopping: the test follows; press Ctrl-C again to end at once");
  };
  Deno.addSignalListener("SIGINT", listener);
  return stop;
}
