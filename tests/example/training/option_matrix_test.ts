// Each loss with each kind of noise and each scorer: it learns, or it is refused.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { evaluationBatches, trainingBatches } from "../../../example/data/batches.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { type Corpus, loadCorpus } from "../../../example/data/corpus.ts";
import { UsageError } from "../../../example/shared/errors.ts";
import { evaluate, evaluateLoss } from "../../../example/evaluation/evaluate.ts";
import { Losses } from "../../../example/evaluation/losses.ts";
import { INDEX_MODULES, LOSSES, type NoiseName, NOISES } from "../../../example/options/choices.ts";
import type { Given } from "../../../example/options/option.ts";
import type { Settings } from "../../../example/options/options.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Trainer } from "../../../example/training/trainer.ts";
import type { Gpu } from "../../../mod.ts";
import { withGpu } from "../../support/gpu.ts";
import { inFolder } from "../../support/folder.ts";

/** A word tells the next one: 2 nats less a prediction than its frequency alone, less ln 4 of the first. */
const PAIRS = ["a b\n", "c d\n", "e f\n", "g h\n"].join("");
const TEXT = { "train.txt": PAIRS.repeat(100), "valid.txt": PAIRS, "test.txt": PAIRS.repeat(4) };
/** Nats a token by which a model has to be better than untrained: well over what chance does. */
const LEARNED = 0.1;

/** Options of a model that learns the text in two epochs of ten steps. */
function optionsOf(given: Given): Given {
  const { loss, noise, "index-module": module } = given;
  return {
    "emsize": "32",
    "nhid": "32",
    "dropout": "0",
    "lr": "0.7",
    "batch-size": "40",
    "epochs": "2",
    ...(module !== "gru" && { nlayers: "1" }),
    // The scores start at 0: their normaliser is V.
    ...((loss === "nce" || loss === "mix") && { "norm-term": "auto" }),
    ...(loss !== "full" && noise !== "batch" && { "noise-ratio": "30" }),
    ...given,
    "train": true,
  };
}

/** Nats a token on the test, untrained and trained: of the exact scores, or of the loss if there are none. */
async function learn(gpu: Gpu, corpus: Corpus, settings: Settings): Promise<[number, number]> {
  using model = makeModel(gpu, settings, corpus.vocabulary);
  using trainer = new Trainer(gpu, model, settings);
  using losses = new Losses(gpu);
  const test = evaluationBatches(corpus.test);
  const measure = async () =>
    settings.loss === "neg"
      ? (await evaluateLoss(gpu, model, test)).loss
      : Math.log((await evaluate(gpu, model, test)).ppl);
  const before = await measure();
  for (let epoch = 1; epoch <= settings.epochs; epoch++) {
    const batches = trainingBatches(corpus.train, settings, epoch);
    for (let i = 0; i < batches.length; i++) {
      await trainer.step(batches.at(i), losses, batches.continues && i + 1 < batches.length);
      await gpu.keepUp();
    }
  }
  return [before, await measure()];
}

async function expectLearned(gpu: Gpu, corpus: Corpus, given: Given): Promise<void> {
  const [before, after] = await learn(gpu, corpus, parseSettings(optionsOf(given)));
  assert(
    after < before - LEARNED,
    `${JSON.stringify(given)}: ${after} nats a token, untrained ${before}`,
  );
}

/** A source of each kind: the others draw by other probabilities, from which one loss learns for all. */
const KINDS: readonly NoiseName[] = ["unigram", "batch", "batch+log-uniform"];

Deno.test("every loss learns from every kind of noise with every scorer, or is refused", () =>
  inFolder((data) =>
    withGpu(async (gpu) => {
      const corpus = await loadCorpus({ data });
      let learned = 0;
      for (const module of INDEX_MODULES) {
        for (const loss of LOSSES) {
          for (const noise of NOISES) {
            const given = { loss, noise, "index-module": module };
            // Nothing is drawn for the exact loss; the bias of a linear layer starts at the noise.
            if (loss === "full" && (module === "gru" || noise.startsWith("batch"))) {
              const message = `--noise ${noise} has no effect with `;
              assertThrows(() => parseSettings(optionsOf(given)), UsageError, message);
            } else if (loss === "full" || loss === "nce" || KINDS.includes(noise)) {
              await expectLearned(gpu, corpus, given);
              learned++;
            }
          }
        }
      }
      assertEquals(learned, 3 + 2 * (7 + 3 * 3));
      await expectLearned(gpu, corpus, { "loss": "full", "index-module": "gru" });
    }), TEXT));

Deno.test("every option of a loss, and every optimizer, learns", () =>
  inFolder((data) =>
    withGpu(async (gpu) => {
      const corpus = await loadCorpus({ data });
      const cases: Given[] = [
        { "loss": "nce", "noise": "batch", "norm-term": "learned" },
        { "loss": "nce", "noise": "batch+uniform", "self-norm": "0.1" },
        { "loss": "nce", "noise-power": "0.75", "noise-uniform": "0.1", "per-word": true },
        {
          "loss": "sampled",
          "unique": true,
          "noise-ratio": "8",
          "remove-hits": true,
          "norm-term": "auto",
        },
        { "loss": "sampled", "noise": "log-uniform", "concat": true, "batch-size": "4" },
        {
          "loss": "nce",
          "concat": true,
          "carry-state": true,
          "bptt": "7",
          "batch-size": "8",
          "epochs": "3",
        },
        { "loss": "nce", "momentum": "0", "lr": "4", "tied": true },
        { "loss": "nce", "optimizer": "adagrad", "lr": "0.1", "warmup": "5" },
        { "loss": "nce", "optimizer": "rowwise-adagrad", "lr": "0.1" },
        { "loss": "full", "optimizer": "adam", "lr": "0.02" },
        { "loss": "nce", "table-dtype": "f16" },
        { "loss": "full", "table-dtype": "f16", "momentum": "0", "lr": "4", "tied": true },
        { "loss": "sampled", "table-dtype": "f16", "per-word": true, "index-module": "gru" },
        { "loss": "full", "table-dtype": "f16", "index-module": "gru", "dropout": "0.1" },
      ];
      for (const given of cases) await expectLearned(gpu, corpus, given);
    }), TEXT));
