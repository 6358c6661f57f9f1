/**
 * --sync-every: what it does to perplexity and to the bytes that a rank sends, on the made-up language with
 * ranks in this process. Each argument is a setting: `RANKS:STEPS[:LR[:MOMENTUM]]`, with 1 step for gradients
 * that are summed in each, and the outer coefficients. `deno run bench/sync.ts 2:1 2:100 4:100:0.7:0.9`
 */

import { openGpu } from "../example/storage/open_gpu.ts";
import { evaluationBatches, trainingBatches } from "../example/data/batches.ts";
import { loadCorpus } from "../example/data/corpus.ts";
import { Measured } from "../example/distributed/measured.ts";
import { evaluate } from "../example/evaluation/evaluate.ts";
import { Losses } from "../example/evaluation/losses.ts";
import type { Given } from "../example/options/option.ts";
import { parseSettings } from "../example/options/settings.ts";
import { Ranks } from "../example/shared/ranks.ts";
import { makeModel } from "../example/model/make_model.ts";
import { Trainer } from "../example/training/trainer.ts";
import { ranksInProcess } from "../kernels/mod.ts";
import type { Gpu } from "../mod.ts";

const DATA = "synthetic:words=50000,vocab=2000", EPOCHS = 3;
const MODEL: Given = {
  ...{ "loss": "nce", "emsize": "24", "nhid": "24", "nlayers": "1", "dropout": "0" },
  ...{ "batch-size": "8", "train": true, "distributed": true },
};

/** A run's validations, and the bytes that a rank has sent in a step of training. */
interface Result {
  readonly ppl: readonly number[];
  readonly bytes: number;
}

async function train(gpus: readonly Gpu[], given: Given): Promise<Result> {
  const settings = parseSettings({ ...MODEL, ...given }), { syncEvery } = settings;
  const results = await Promise.all(
    ranksInProcess(gpus.length).map(async (communicator, rank): Promise<Result> => {
      const gpu = gpus[rank]!, measured = new Measured(communicator), ppl: number[] = [];
      using model = makeModel(gpu, settings, corpus.vocabulary);
      using trainer = new Trainer(gpu, model, settings, new Ranks(measured));
      using losses = new Losses(gpu);
      for (let epoch = 1; epoch <= EPOCHS; epoch++) {
        const batches = trainingBatches(corpus.train, settings, epoch);
        for (let i = 0; i < batches.length; i++) {
          await trainer.step(batches.at(i), losses);
          if (trainer.steps % syncEvery === 0 || i + 1 === batches.length) await trainer.sync();
        }
        const valid = evaluationBatches(corpus.valid), ranks = new Ranks(communicator);
        ppl.push((await evaluate(gpu, model, valid, { ranks })).ppl);
        if (ppl.at(-1)! > Math.min(...ppl)) trainer.decayLr();
      }
      return { ppl, bytes: measured.bytes / trainer.steps };
    }),
  );
  return results[0]!;
}

const corpus = await loadCorpus({ data: DATA }), gpus: Gpu[] = [];
console.log(
  "| ranks | steps | outer lr | momentum | perplexity after each epoch | kB a step |\n" +
    "| --: | --: | --: | --: | --- | --: |",
);
for (const argument of Deno.args) {
  const [ranks = "2", steps = "1", lr = "1", momentum = "0"] = argument.split(":");
  while (gpus.length < Number(ranks)) gpus.push(await openGpu());
  const outer: Given = steps === "1"
    ? {}
    : { "sync-every": steps, "outer-lr": lr, "outer-momentum": momentum };
  const { ppl, bytes } = await train(gpus.slice(0, Number(ranks)), outer);
  const cells = [ranks, steps, lr, momentum, ppl.map((x) => x.toFixed(1)).join(", ")];
  console.log(`| ${[...cells, (bytes / 1000).toFixed(1)].join(" | ")} |`);
}
for (const gpu of gpus) await gpu[Symbol.asyncDispose]();
