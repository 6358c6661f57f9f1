// The noise of the sampled gradient, and what the doctor suggests from it.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { trainingBatches } from "../../../example/data/batches.ts";
import { gradientFact, measureGradient } from "../../../example/doctor/gradient.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { withGpu } from "../../support/gpu.ts";

const CORPUS = await loadCorpus({ data: "synthetic:words=2000,vocab=100" });
const settingsOf = (given: Given) =>
  parseSettings({ emsize: "8", nhid: "8", nlayers: "1", dropout: "0", ...given });

Deno.test("measureGradient() falls with the number of samples, and leaves the model as it was", () =>
  withGpu(async (gpu) => {
    const settings = settingsOf({ "loss": "sampled", "noise-ratio": "10" });
    const batch = trainingBatches(CORPUS.train, settings, 1).at(0);
    using model = makeModel(gpu, settings, CORPUS.vocabulary);
    const found = await measureGradient(gpu, model, batch, settings, () => true) ?? [];
    assertEquals(found.map(({ samples }) => samples), [2, 10, 50]);
    const [few, own, many] = found.map(({ noise }) => noise);
    assert(few! > 1.5 * own! && own! > 1.5 * many!, `${few} ${own} ${many}`);
    assert(found[0]!.cosine < found[2]!.cosine);
    const fitting = await measureGradient(gpu, model, batch, settings, (k) => k < 50) ?? [];
    assertEquals(fitting.map(({ samples }) => samples), [2, 10]);
    assertEquals(model.criterion.noiseRatio, 10);
    assertEquals(await model.criterion.takeHits(), { hits: 0, samples: 0 });
  }));

Deno.test("gradientFact() suggests the least of the tried numbers of samples that is enough", () => {
  const at = (samples: number, noise: number) => ({ samples, noise, cosine: 0.5 });
  const cure = (given: Given, ...noises: number[]) =>
    gradientFact(noises.map((noise, i) => at(10 * 5 ** i, noise)), settingsOf(given)).cure;
  const nce = { "nce": true, "noise-ratio": "50" };
  assertEquals(cure(nce, 2, 0.9, 0.4), undefined);
  assertEquals(cure(nce, 0.9, 1.1, 0.9), "--noise-ratio 250 or --noise batch+unigram");
  assertEquals(cure(nce, 7, 3, 1.2), "--noise batch+unigram");
  const unique = { "loss": "sampled", "unique": true, "noise-ratio": "10" };
  assertEquals(cure(unique, 1.2), "a larger batch");
  assertStringIncludes(gradientFact(undefined, settingsOf(nce)).text, "not compared");
});

Deno.test("measureGradient() and gradientFact() do not judge noise from the batch, which no draw changes", () =>
  withGpu(async (gpu) => {
    for (const noise of ["batch", "batch+unigram"]) {
      const settings = settingsOf({ "nce": true, noise });
      const batch = trainingBatches(CORPUS.train, settings, 1).at(0);
      using model = makeModel(gpu, settings, CORPUS.vocabulary);
      const found = await measureGradient(gpu, model, batch, settings, () => true);
      const { text, cure, figures } = gradientFact(found, settings);
      assertMatch(text, /^cosine to the exact one on one batch: 0\.\d\d.*cannot be measured$/);
      assertEquals(cure, undefined);
      const tried = noise === "batch" ? [50] : [10, 50];
      assertEquals(Object.keys(figures!), tried.map((k) => `cosine of k=${k}`));
    }
  }));
