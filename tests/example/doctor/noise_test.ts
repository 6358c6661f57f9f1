// The figures of noise, against sums by hand and against what training counts.

import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { trainingBatches } from "../../../example/data/batches.ts";
import { type Batch, elementsOf } from "../../../example/data/row_batch.ts";
import { noiseFigures, noiseFindings } from "../../../example/doctor/noise.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { expectedNoise } from "../../../example/model/noise.ts";
import { isFromBatch } from "../../../example/options/choices.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { Losses } from "../../../example/evaluation/losses.ts";
import { Trainer } from "../../../example/training/trainer.ts";
import { withGpu } from "../../support/gpu.ts";

const DATA = "synthetic:words=6000,vocab=100";
const CORPUS = await loadCorpus({ data: DATA });
const { counts } = CORPUS.vocabulary;

const settingsOf = (given: Given) =>
  parseSettings({ data: DATA, emsize: "8", nhid: "8", nlayers: "1", dropout: "0", ...given });

Deno.test("noiseFigures() are those of a sum by hand", () => {
  const figures = noiseFigures(
    { samples: 2, shares: Float64Array.of(0.5, 0.25, 0.25) },
    [1, 0, 3],
    false,
  );
  assertAlmostEquals(figures.hitRate, 0.25 * 0.5 + 0.75 * 0.25);
  // 1/4 squared over 1/2, and 3/4 squared over 1/4
  assertAlmostEquals(figures.effective, 2 / (0.0625 / 0.5 + 0.5625 / 0.25));
  assertAlmostEquals(figures.different, 0.75 + 2 * (1 - 0.75 ** 2));
});

Deno.test("noise from the words' own distribution is worth its number, all of it different if unique", () => {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const expected = { samples: 50, shares: Float64Array.from(counts, (count) => count / total) };
  const figures = noiseFigures(expected, counts, false);
  assertAlmostEquals(figures.effective, 50, 1e-6);
  assert(figures.different < 50);
  assertAlmostEquals(noiseFigures(expected, counts, true).different, 50, 1e-9);
});

/** The part of the samples of an epoch that equal their target, and the predicted one. */
async function hitRates(given: Given): Promise<{ found: number; predicted: number }> {
  const settings = settingsOf(given), batches = trainingBatches(CORPUS.train, settings, 1);
  let found = NaN, predicted = NaN;
  await withGpu(async (gpu) => {
    using model = makeModel(gpu, settings, CORPUS.vocabulary);
    using trainer = new Trainer(gpu, model, settings);
    using losses = new Losses(gpu);
    for (const batch of batches) await trainer.step(batch, losses);
    const { hits, samples } = await model.criterion.takeHits();
    const others = (batch: Batch) => isFromBatch(settings.noise) ? elementsOf(batch) - 1 : 0;
    const drawn = settings.noise === "batch" ? 0 : settings.noiseRatio;
    // Of predicted words alone: neither of padding nor of words that are read again.
    const all = [...batches].reduce(
      (sum, batch) => sum + batch.tokens * (drawn + others(batch)),
      0,
    );
    assertEquals(samples, all);
    found = hits / samples;
    const { tokens } = batches.at(0), { noise } = model.criterion;
    const expected = expectedNoise(noise, settings, counts, tokens);
    predicted = noiseFigures(expected, counts, settings.unique).hitRate;
  });
  return { found, predicted };
}

Deno.test("the predicted rate of hits is the one that training counts", async () => {
  const cases: readonly Given[] = [
    { "loss": "nce", "noise-ratio": "20" },
    { "loss": "nce", "noise-ratio": "20", "noise": "uniform" },
    { "loss": "sampled", "noise-ratio": "20", "unique": true },
    { "loss": "nce", "noise": "batch" },
    { "loss": "nce", "noise-ratio": "200", "noise": "batch+log-uniform" },
  ];
  for (const given of cases) {
    const { found, predicted } = await hitRates(given);
    assert(
      Math.abs(found / predicted - 1) < 0.12,
      `${JSON.stringify(given)} ${found} ${predicted}`,
    );
  }
});

Deno.test("noiseFindings() counts the words that never come, of those that are no marks", () =>
  withGpu((gpu) => {
    const counts = [0, 20, 0, 9, 0, 1, 0], settings = settingsOf({ "nce": true });
    const words = ["<unk>", "<s>", "</s>", "a", "b", "c", "d"];
    using model = makeModel(gpu, settings, Vocabulary.from(words, counts));
    const { text, figures } = noiseFindings(model.criterion.noise, settings, counts, 100)
      .find(({ name }) => name === "zeros")!;
    assert(text.startsWith("2 of 4 words never come in training; "), text);
    assertEquals(figures?.["zeros"], 2);
  }));

Deno.test("noiseFindings() warns of noise that is mostly <unk>, hits, or of little worth", () =>
  withGpu((gpu) => {
    const said = (given: Given, counts: readonly number[]) => {
      const words = ["<unk>", "<s>", "</s>", ...counts.slice(3).map((_, i) => `w${i}`)];
      const settings = settingsOf({ "nce": true, "norm-term": "auto", ...given });
      using model = makeModel(gpu, settings, Vocabulary.from(words, counts));
      return noiseFindings(model.criterion.noise, settings, counts, 100)
        .filter(({ grade }) => grade === "warn").map(({ name, cure }) => `${name}: ${cure}`);
    };
    assertEquals(said({}, [0, 20, 0, ...Array(200).fill(5)]), []);
    assertStringIncludes(
      said({}, [900, 20, 0, ...Array(200).fill(5)])[0]!,
      "marks: a lower --min-freq",
    );
    assertStringIncludes(
      said({}, [0, 20, 0, 900, ...Array(200).fill(1)])[0]!,
      "hits: --noise-power 0.75",
    );
    assertEquals(said({ noise: "uniform" }, [0, 90, 0, 90, ...Array(200).fill(1)]), [
      "samples: --noise unigram or batch+unigram",
    ]);
  }));
