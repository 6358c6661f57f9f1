/** Training from the first epoch to the test of the best model. */

import type { Gpu } from "../mod.ts";
import { adapterLine } from "./adapter.ts";
import { evaluationBatches, trainingBatches } from "./batches.ts";
import { type SelfNormalization, selfNormalization } from "./card.ts";
import { restoreModel, saveModel } from "./checkpoint.ts";
import type { Corpus } from "./corpus.ts";
import { evaluate, evaluateLoss } from "./evaluate.ts";
import { checkWritable, writeFileAtomically } from "./files.ts";
import type { Io } from "./io.ts";
import { lockModel } from "./lock.ts";
import { Metrics } from "./metrics.ts";
import type { WordModel } from "./model.ts";
import { checkSavable } from "./model_file.ts";
import { formatDuration, formatNumber } from "./progress.ts";
import { normTermOf, report } from "./report.ts";
import { MODEL_FOLDER as FOLDER, type Settings } from "./settings.ts";
import { type StopFlag, Trainer } from "./trainer.ts";
import { frequencyText } from "./vocab.ts";

/** The file of the model called `name`. */
export function modelPath(name: string): string {
  return `${FOLDER}/${name}.safetensors`;
}

/** What a validation finds; a smaller measure is better. */
interface Validation {
  readonly measure: number;
  readonly text: string;
  readonly fields: { validPpl?: number; validLoss?: number };
  readonly card?: SelfNormalization;
}

/** Trains `model`, keeps it after each epoch that improves the validation, and tests the best one. */
export async function train(
  gpu: Gpu,
  settings: Settings,
  corpus: Corpus,
  model: WordModel,
  io: Io,
): Promise<void> {
  const { vocabulary } = corpus, { save, seed, epochs, evaluation } = settings;
  const path = modelPath(save);
  checkSavable(settings, vocabulary);
  using _lock = lockModel(save, FOLDER);
  checkWritable(path);
  const metrics = new Metrics(save, FOLDER);
  writeFileAtomically(`${FOLDER}/${save}.freq.txt`, frequencyText(corpus.occurrences));
  metrics.write({
    event: "start",
    config: settings,
    adapter: adapterLine(gpu),
    vocabulary: vocabulary.size,
    seed,
  });
  using trainer = new Trainer(gpu, model, settings);
  using stop = onInterrupt(io);
  let best = Infinity, saved = "";
  for (let epoch = 1; epoch <= epochs && !stop.requested; epoch++) {
    const start = performance.now(), { lr } = trainer.optimizer;
    const batches = trainingBatches(corpus.train, settings, epoch);
    const tokensPerSecond = await trainer.epoch(epoch, batches, io, metrics, stop);
    if (stop.requested) break;
    const { measure, text, fields, card } = await validate(gpu, model, corpus);
    const seconds = (performance.now() - start) / 1000;
    metrics.write({ event: "epoch", epoch, seconds, ...fields, lr, tokensPerSecond });
    const better = measure < best;
    if (better) {
      best = measure;
      saved = await saveModel(gpu, path, model, { vocabulary, settings, ...(card && { card }) });
    } else trainer.optimizer.lr /= settings.lrDecay;
    io.out(
      `epoch ${epoch}/${epochs}: valid ${text}, ${formatDuration(seconds * 1000)}, ` +
        `${Math.round(tokensPerSecond).toLocaleString("en-US")} tokens/s, ` +
        (better ? `saved ${path}` : `lr now ${formatNumber(trainer.optimizer.lr)}`),
    );
  }
  if (best < Infinity) restoreModel(gpu, path, model, saved);
  else io.out("No epoch was completed: nothing is saved, the test is of the model as it is");
  await report(gpu, { model, corpus, evaluation, metrics, io });
}

/** Exact perplexity, or the loss if the model has none. */
async function validate(gpu: Gpu, model: WordModel, corpus: Corpus): Promise<Validation> {
  const batches = evaluationBatches(corpus.valid);
  if (model.criterion.lossType === "neg") {
    const { loss } = await evaluateLoss(gpu, model, batches);
    return { measure: loss, text: `loss ${loss.toFixed(4)}`, fields: { validLoss: loss } };
  }
  const { ppl, scores } = await evaluate(gpu, model, batches);
  const card = selfNormalization(scores, await normTermOf(gpu, model));
  return { measure: ppl, text: `ppl ${ppl.toFixed(2)}`, fields: { validPpl: ppl }, card };
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
