/**
 * Every loss with every noise source after one epoch on the synthetic language: exact perplexity, the
 * spread of ln Z, and training speed. `deno run -A bench/losses.ts [options of main.ts]`
 */

import { openGpu } from "../example/storage/open_gpu.ts";
import { adapterLine } from "../example/shared/adapter.ts";
import { evaluationBatches, trainingBatches } from "../example/data/batches.ts";
import { selfNormalization } from "../example/evaluation/card.ts";
import { makeModel } from "../example/model/make_model.ts";
import { loadCorpus } from "../example/data/corpus.ts";
import { evaluate } from "../example/evaluation/evaluate.ts";
import { Losses } from "../example/evaluation/losses.ts";
import { normTermOf } from "../example/model/model.ts";
import type { Given } from "../example/options/option.ts";
import { parseSettings } from "../example/options/settings.ts";
import { Trainer } from "../example/training/trainer.ts";
import type { Gpu } from "../mod.ts";

const SIZES: Given = { emsize: "64", nhid: "64", nlayers: "1", dropout: "0.1", lr: "0.5" };

const CASES: readonly Given[] = [
  { loss: "full" },
  { "loss": "full", "self-norm": "0.1" },
  ...["nce", "sampled", "mix"].flatMap((loss) => [
    { loss },
    { "loss": loss, "per-word": true },
    { "loss": loss, "noise-power": "0.75" },
    { "loss": loss, "noise-uniform": "0.1" },
    { loss, noise: "uniform" },
    { loss, noise: "log-uniform" },
    { loss, noise: "batch" },
    { loss, noise: "batch+unigram" },
  ]),
  { "loss": "nce", "norm-term": "learned" },
  { "loss": "nce", "self-norm": "0.1" },
  { loss: "sampled", unique: true },
  { "loss": "sampled", "remove-hits": true },
  { "loss": "sampled", "unique": true, "remove-hits": true },
  { "loss": "sampled", "self-norm": "0.1" },
  { "loss": "nce", "index-module": "gru" },
  { "loss": "full", "index-module": "gru" },
];

/** Trains one epoch and evaluates. */
async function measure(gpu: Gpu, given: Given): Promise<string> {
  const settings = parseSettings({ ...SIZES, ...given });
  const corpus = await loadCorpus(settings);
  using model = makeModel(gpu, settings, corpus.vocabulary);
  using trainer = new Trainer(gpu, model, settings);
  using losses = new Losses(gpu);
  const batches = [...trainingBatches(corpus.train, settings, 1)];
  await trainer.step(batches[0]!, losses); // compiles the kernels
  await gpu.finish();
  const start = performance.now();
  for (const batch of batches) {
    await trainer.step(batch, losses);
    await gpu.keepUp();
  }
  await gpu.finish();
  const seconds = (performance.now() - start) / 1000;
  const { ppl, scores } = await evaluate(gpu, model, evaluationBatches(corpus.valid));
  const { mean, std } = selfNormalization(scores, await normTermOf(gpu, model));
  const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0);
  const name = Object.entries(given).map(([key, value]) =>
    value === true ? key : key === "loss" ? value : `${key} ${value}`
  ).join(", ");
  const cells = [ppl.toFixed(1), mean.toFixed(2), std.toFixed(2), Math.round(tokens / seconds)];
  return `| ${name} | ${cells.join(" | ")} |`;
}

if (import.meta.main) {
  await using gpu = await openGpu();
  console.log(`${adapterLine(gpu)}\n\n| loss | valid ppl | mean ln Z | std ln Z | tokens/s |`);
  console.log("| --- | ---: | ---: | ---: | ---: |");
  for (const given of CASES) console.log(await measure(gpu, given));
}
