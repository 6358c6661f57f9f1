// The memory that a model takes is known from its sizes: it is what the GPU then holds.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { linearScorer } from "../../../kernels/ops.ts";
import { trainingBatches } from "../../../example/data/batches.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { Losses } from "../../../example/evaluation/losses.ts";
import {
  checkMemory,
  describeNeeds,
  memoryOfModel,
  memoryOfTraining,
  totalBytes,
  withMemoryCure,
} from "../../../example/model/memory.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { makeOptimizer } from "../../../example/training/optimizer.ts";
import { Trainer } from "../../../example/training/trainer.ts";
import { OutOfMemoryError } from "../../../mod.ts";
import { withGpu } from "../../support/gpu.ts";

const CORPUS = await loadCorpus({ data: "synthetic:words=10000,vocab=20000" });
const WORDS = CORPUS.vocabulary.size;

/** What the sizes of buffers and small tensors add, and what a step does besides. */
const SMALL_BYTES = 5_000, STEP_BYTES = 150_000;

Deno.test("memoryOfModel() and memoryOfTraining() are what the model, its noise and its optimizer hold", () =>
  withGpu(async (gpu) => {
    const cases: Given[] = [
      { loss: "nce" },
      { loss: "full" },
      { loss: "nce", noise: "batch" },
      { loss: "nce", noise: "batch+uniform" },
      { "loss": "nce", "index-module": "gru" },
      { loss: "nce", momentum: "0" },
      { "loss": "nce", "momentum": "0", "weight-decay": "0" },
      { loss: "nce", optimizer: "adam" },
      { loss: "sampled", optimizer: "adagrad" },
      { "loss": "nce", "table-dtype": "f16" },
      { "loss": "nce", "table-dtype": "f16", "index-module": "gru", "momentum": "0" },
      { loss: "nce", optimizer: "rowwise-adagrad" },
      { "loss": "nce", "distributed": true, "sync-every": "9" },
      { loss: "nce", tied: true },
      { "loss": "full", "tied": true, "table-dtype": "f16" },
    ];
    for (const given of cases) {
      const settings = parseSettings({
        train: true,
        emsize: "16",
        nhid: "8",
        nlayers: "1",
        ...given,
      });
      const near = (bytes: number, more: number) => {
        const difference = gpu.memory.bytes - bytes;
        assert(
          difference >= 0 && difference < more,
          `${JSON.stringify(given)}: ${difference}`,
        );
      };
      using model = makeModel(gpu, settings, CORPUS.vocabulary);
      near(totalBytes(memoryOfModel(settings, WORDS)), SMALL_BYTES);
      using trainer = new Trainer(gpu, model, settings);
      using losses = new Losses(gpu);
      await trainer.step(trainingBatches(CORPUS.train, settings, 1).at(0), losses);
      const { gradients, ...kept } = memoryOfTraining(settings, WORDS, gpu);
      assertEquals(gradients > 0, given["loss"] === "full");
      near(totalBytes({ ...kept, gradients: 0 }), STEP_BYTES);
    }
  }));

Deno.test("of several ranks each holds its part of the tables, and of what the optimizer keeps", () =>
  withGpu(async (gpu) => {
    const ranks = 3;
    for (const given of [{ loss: "nce" }, { "loss": "nce", "index-module": "gru" }]) {
      const sizes = { emsize: "16", nhid: "8", nlayers: "1" };
      const settings = parseSettings({ train: true, ...sizes, ...given });
      for (const rank of [0, 2]) {
        const shard = { rank, ranks }, before = gpu.memory.bytes;
        using model = makeModel(gpu, settings, CORPUS.vocabulary, shard);
        const held = gpu.memory.bytes - before - totalBytes(memoryOfModel(settings, WORDS, shard));
        assert(held >= 0 && held < SMALL_BYTES, `${held}`);
        const optimizer = makeOptimizer(gpu, model.parameters(), settings);
        using _optimizer = optimizer;
        const all = memoryOfTraining(settings, WORDS, gpu, shard);
        const steps = 4 * Math.ceil(WORDS / ranks) * (given.loss === "nce" ? 3 : 1);
        const more = gpu.memory.bytes - before - totalBytes(all);
        assert(Math.abs(more) < SMALL_BYTES + steps, `${more}`);
        assert(
          totalBytes(all) < totalBytes(memoryOfTraining(settings, WORDS, gpu)) / ranks + 12 * WORDS,
        );
      }
      await gpu.finish();
    }
  }));

Deno.test("the gradient of a table counts where the device holds it whole, as a GPU does", async () => {
  const settings = parseSettings({ train: true, loss: "full", emsize: "100" }), words = 300_000;
  for (const [family, rows] of [["software", 0], ["hardware", 100]] as const) {
    await withGpu((gpu) => {
      assertEquals(memoryOfTraining(settings, words, gpu).gradients, 4 * words * (1 + rows));
    }, { family });
  }
});

Deno.test("scores of all words count as far as a layer keeps them for the backward pass", () =>
  withGpu((gpu) => {
    const scoresOf = (module: string, targets: number, words: number, heldBytes = 2 ** 26) => {
      const sizes = { train: true, loss: "full", emsize: "8" };
      const settings = parseSettings({ ...sizes, "index-module": module });
      return memoryOfTraining(settings, words, { heldBytes }, undefined, targets).scores;
    };
    using step = gpu.step(), x = gpu.tensor([64, 8]), bias = gpu.tensor([64]);
    const most = linearScorer(step, x, x, bias).keptBytes!, words = 2 ** 14;
    const limits = [["linear", most], ["gru", 2 ** 26], ["linear", 32 * words - 4, 32 * words - 4]];
    for (const [module, limit, heldBytes] of limits as [string, number, number?][]) {
      const targets = Math.floor(limit / 4 / words);
      assertEquals(scoresOf(module, targets, words, heldBytes), 4 * targets * words);
      assertEquals(scoresOf(module, targets + 1, words, heldBytes), 0);
    }
  }));

Deno.test("checkMemory() says what a model needs, for what, and what there is", () => {
  const settings = parseSettings({ train: true, loss: "nce", emsize: "100", nhid: "100" });
  const needs = memoryOfTraining(settings, 10_000_000, { heldBytes: 2 ** 26 });
  checkMemory(needs, undefined);
  checkMemory(needs, 20e9);
  const { message } = assertThrows(() => checkMemory(needs, 3e9, settings), Failure);
  const found =
    "Cannot use this model on this device: it needs 16.3 GB on the GPU: tables 8.04 GB, moments 8.16 GB, " +
    "noise 120 MB; it has 3 GB; ";
  assertEquals(
    message,
    found +
      "give fewer words (--min-freq, --vocab), a smaller --emsize, --tied, --table-dtype f16 or " +
      "--momentum 0",
  );
  assert(message.includes(describeNeeds(needs)));
  const saved = assertThrows(() => checkMemory(needs, 3e9), Failure).message;
  assertEquals(saved, found + "take one with more memory");
  const started = { ...settings, start: "m" }, half = { ...started, tableDtype: "f16" } as const;
  const cureOf = (settings: Parameters<typeof withMemoryCure>[1]) =>
    assertThrows(() => checkMemory(needs, 3e9, settings), Failure).message.slice(found.length);
  assertEquals(cureOf(started), "give --table-dtype f16 or --momentum 0");
  assertEquals(cureOf({ ...half, momentum: 0 }), "take one with more memory");
  const kept = () => checkMemory({ ...needs, scores: 5e8 }, 3e9, settings);
  assertThrows(
    kept,
    Failure,
    "noise 120 MB, scores 500 MB; it has 3 GB; give fewer words (--min-freq, --vocab), a smaller --emsize " +
      "or --batch-size,",
  );
});

Deno.test("what does not fit is told of options that save memory, and that may be given beside the others", () => {
  const base: Given = { "train": true, "loss": "nce", "emsize": "100", "momentum": "0" };
  const cures: readonly (readonly [Given, string])[] = [
    [base, ", --tied or --table-dtype f16"],
    [{ ...base, "momentum": "0.9" }, ", --tied, --table-dtype f16 or --momentum 0"],
    [{ ...base, "tied": true }, " or --table-dtype f16"],
    [{ ...base, "table-dtype": "f16" }, " or --tied"],
    [{ ...base, "emsize": "99" }, " or --tied"],
    [{ ...base, "shard-tables": true, "distributed": true }, " or --tied"],
    [{ ...base, "sync-every": "9", "distributed": true }, " or --tied"],
    [{ ...base, "index-module": "gru", "table-dtype": "f16" }, ""],
    ...["adagrad", "adam"].map((optimizer): [Given, string] => {
      const { momentum: _, ...others } = base;
      const cure = ", --tied, --table-dtype f16 or --optimizer rowwise-adagrad";
      return [{ ...others, optimizer, "lr": "0.1" }, cure];
    }),
  ];
  const full = new OutOfMemoryError("out of GPU memory");
  for (const [given, more] of cures) {
    const settings = parseSettings(given), text = JSON.stringify(given);
    const { message } = withMemoryCure(full, settings) as Failure;
    const size = "a smaller --emsize or --batch-size", words = "fewer words (--min-freq, --vocab)";
    const all = more === "" ? `${words} or ${size}` : `${words}, ${size}${more}`;
    assertEquals(message, `out of GPU memory; give ${all}`, text);
    // What is named may be given, and saves memory.
    const before = totalBytes(memoryOfTraining(settings, 1e6, { heldBytes: 2 ** 26 }));
    for (
      const [, name, value = true] of more.matchAll(/--([a-z-]+)(?: (0|f16|rowwise-adagrad))?/g)
    ) {
      const less = parseSettings({ ...given, [name!]: value });
      const after = totalBytes(memoryOfTraining(less, 1e6, { heldBytes: 2 ** 26 }));
      assert(after < 0.9 * before, `${text}: ${name} takes ${after} of ${before}`);
    }
  }
  const other = new Error("another");
  assertEquals(withMemoryCure(other, parseSettings(base)), other);
});
