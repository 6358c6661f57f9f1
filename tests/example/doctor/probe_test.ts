// The estimate of a run's time: what it adds up. How near it comes to the truth is measured, not tested.

import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { evaluationBatches, trainingBatches } from "../../../example/data/batches.ts";
import { lossFact, measurePace, paceFact } from "../../../example/doctor/probe.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { Ranks } from "../../../example/shared/ranks.ts";
import { Trainer } from "../../../example/training/trainer.ts";
import { withGpu } from "../../support/gpu.ts";

const data = "synthetic:words=3000,vocab=100";
const SETTINGS = parseSettings({
  data,
  train: true,
  emsize: "8",
  nhid: "8",
  nlayers: "1",
  epochs: "7",
});

Deno.test("measurePace() takes all epochs, validations and the test from a few batches", () =>
  withGpu(async (gpu) => {
    const corpus = await loadCorpus(SETTINGS), settings = SETTINGS, ranks = new Ranks();
    using model = makeModel(gpu, settings, corpus.vocabulary);
    using trainer = new Trainer(gpu, model, settings);
    const spent: number[] = [], onSpent = (ms: number) => void spent.push(ms);
    const pace = await measurePace({
      gpu,
      model,
      trainer,
      corpus,
      settings,
      ranks,
      startMs: 9,
      trialMs: 1,
      onSpent,
    });
    const { epochMs, validationMs, testMs, runMs } = pace;
    assertAlmostEquals(runMs, 9 + 7 * (epochMs + validationMs) + testMs);
    const [valid, test] = [corpus.valid, corpus.test].map((text) =>
      evaluationBatches(text).reduce((sum, { steps, batchSize }) => sum + steps * batchSize, 0)
    );
    assertAlmostEquals(validationMs / testMs, valid! / test!);
    assert(trainer.steps < trainingBatches(corpus.train, settings, 1).length, "a part is enough");
    // Of three steps of a warm-up nothing is told; there are three evaluations.
    assertEquals(spent.length, trainer.steps);
    assert(spent.every((ms) => ms > 0));
    assertEquals(pace.divergedAt, 0);
    // An epoch of one batch.
    const short = { ...settings, maxMinutes: 0, batchSize: 1000 };
    const [whole, ...others] = trainingBatches(corpus.train, short, 1);
    assertEquals(others, []);
    const limited = { gpu, model, trainer, corpus, settings: short, ranks, startMs: 9, trialMs: 1 };
    const ended = await measurePace(limited);
    assertAlmostEquals(ended.runMs, 9 + ended.testMs);
    const tokens = ended.epochMs * ended.tokensPerSecond / 1000; // and what the order takes
    assert(tokens > 0.999 * whole!.tokens && tokens < Infinity);
  }));

Deno.test("paceFact() and lossFact() tell the times, and a loss that is not finite", () => {
  const pace = {
    tokensPerSecond: 12_345.6,
    startMs: 345,
    epochMs: 3_600_000,
    validationMs: 1234,
    testMs: 59_999,
    runMs: 40 * 3_601_234,
    divergedAt: 0,
  };
  assertEquals(
    paceFact(pace, SETTINGS).text,
    "40h00m for --epochs 7: the start 0.3s, an epoch 1h00m at 12,346 tokens/s, its validation 1.2s, the test 1m00s",
  );
  const limited = { ...SETTINGS, maxMinutes: 90, patience: 3 };
  const told =
    "40h00m for --epochs 7 and --max-minutes 90, less if --patience 3 ends it: the start";
  assertStringIncludes(paceFact(pace, limited).text, told);
  assertEquals(lossFact(pace, SETTINGS, 100).cure, undefined);
  const { text, cure } = lossFact({ ...pace, divergedAt: 3 }, SETTINGS, 100);
  assertEquals([text, cure], [
    "its loss is no longer finite at step 3 of a trial",
    "try a smaller --lr (it is 1)",
  ]);
});
