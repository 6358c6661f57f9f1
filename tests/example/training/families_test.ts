// Training steps of each loss, source of noise and scorer: a GPU's kernels against a software adapter's, and
// tables in several buffers against tables in one.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { trainingBatches } from "../../../example/data/batches.ts";
import { type Corpus, loadCorpus } from "../../../example/data/corpus.ts";
import { Losses } from "../../../example/evaluation/losses.ts";
import {
  INDEX_MODULES,
  isFromBatch,
  LOSSES,
  type NoiseName,
} from "../../../example/options/choices.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { Trainer } from "../../../example/training/trainer.ts";
import type { Gpu } from "../../../mod.ts";
import { assertClose } from "../../support/close.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { numbersOf } from "../../support/numbers.ts";

const SENTENCES = Array.from(
  { length: 60 },
  (_, i) => Array.from({ length: 3 + i % 7 }, (_, j) => `w${(i * 7 + j * j) % 400}`).join(" "),
);
const LINES = SENTENCES.map((sentence) => `${sentence}\n`).join("");
const TEXT = { "train.txt": LINES, "valid.txt": LINES, "test.txt": LINES };
const STEPS = 2;

/** Mean losses of the first steps, and the parameters after them. */
async function train(gpu: Gpu, corpus: Corpus, given: Given): Promise<Map<string, Float32Array>> {
  const settings = parseSettings({ emsize: "20", nhid: "20", ...given, train: true });
  using model = makeModel(gpu, settings, corpus.vocabulary);
  using trainer = new Trainer(gpu, model, settings);
  using losses = new Losses(gpu);
  const batches = trainingBatches(corpus.train, settings, 1), found = [];
  for (let i = 0; i < STEPS; i++) {
    await trainer.step(batches.at(i), losses, batches.continues);
    const { sum, tokens } = await losses.take();
    found.push(sum / tokens);
  }
  return new Map([
    ["the losses", Float32Array.from(found)],
    ...await numbersOf(gpu, model.parameters()),
  ]);
}

/** Sources of noise that run other kernels; the names besides them stand for other probabilities. */
const SOURCES: readonly NoiseName[] = ["log-uniform", "batch", "batch+unigram"];

/** Each loss with each of these, where it has an effect, and each scorer. */
function cases(): Given[] {
  const all: Given[] = [];
  for (const module of INDEX_MODULES) {
    for (const loss of LOSSES) {
      for (const noise of SOURCES) {
        if (loss === "full" && (module === "gru" || isFromBatch(noise))) continue;
        all.push({ loss, noise, "index-module": module });
      }
    }
    all.push({ "loss": "nce", "per-word": true, "index-module": module });
  }
  return [...all, { "loss": "full", "index-module": "gru" }, {
    "loss": "sampled",
    "unique": true,
    "noise-ratio": "20",
  }];
}

/** Whether sums over all classes are taken a buffer at a time, and so rounded otherwise. */
function sumsByParts({ loss, "per-word": perWord, "index-module": module }: Given): boolean {
  return loss === "full" || (perWord === true && module === "gru");
}

Deno.test("training steps are the same with the kernels for GPUs, and with tables in several buffers", () =>
  inFolder((data) =>
    withGpu(
      (software) =>
        withGpu((parted) =>
          withGpu(async (hardware) => {
            assertNotEquals(software.family, hardware.family);
            const corpus = await loadCorpus({ data });
            assert(corpus.vocabulary.size > 3 * 64, "a table lies in several parts");
            const close = { atol: 2e-6, rtol: 2e-5 };
            for (const given of cases()) {
              const expected = await train(software, corpus, given);
              for (const gpu of [parted, hardware]) {
                const exact = gpu === parted && !sumsByParts(given);
                for (const [name, values] of await train(gpu, corpus, given)) {
                  const what = `${JSON.stringify(given)}: ${name}, ${gpu.family}`;
                  if (exact) assertEquals(values, expected.get(name)!, what);
                  else assertClose(values, expected.get(name)!, close, what);
                }
              }
            }
          }, { family: "hardware", maxBindingBytes: 1 }), {
          family: "software",
          maxBindingBytes: 1,
        }),
      {
        family: "software",
        maxBindingBytes: 2 ** 27,
      },
    ), TEXT));
