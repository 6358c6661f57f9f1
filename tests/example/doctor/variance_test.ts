// The variance of the sampled gradient, and what the doctor suggests from it.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { trainingBatches } from "../../../example/data/batches.ts";
import { measureVariance, varianceFact } from "../../../example/doctor/variance.ts";
import { type Given, parseSettings } from "../../../example/options/settings.ts";
import { makeModel } from "../../../example/storage/checkpoint.ts";
import { withGpu } from "../../support/gpu.ts";

const CORPUS = loadCorpus({ data: "synthetic:words=2000,vocab=100" });
const settingsOf = (given: Given) =>
  parseSettings({ emsize: "8", nhid: "8", nlayers: "1", dropout: "0", ...given });

Deno.test("measureVariance() falls with the number of samples, and leaves the model as it was", () =>
  withGpu(async (gpu) => {
    const settings = settingsOf({ "loss": "sampled", "noise-ratio": "10" });
    const [batch] = trainingBatches(CORPUS.train, settings, 1);
    using model = makeModel(gpu, settings, CORPUS.vocabulary);
    const found = await measureVariance(gpu, model, batch!, settings) ?? [];
    assertEquals(found.map(({ samples }) => samples), [2, 10, 50]);
    const [few, own, many] = found.map(({ variance }) => variance);
    assert(few! > 2 * own! && own! > 2 * many!, `${few} ${own} ${many}`);
    assert(found[0]!.cosine < found[2]!.cosine);
    assertEquals(model.criterion.noiseRatio, 10);
    assertEquals(await model.criterion.takeHits(gpu), { hits: 0, samples: 0 });
  }));

Deno.test("varianceFact() suggests the least of the tried numbers of samples that is enough", () => {
  const at = (samples: number, variance: number) => ({ samples, variance, cosine: 0.5 });
  const cure = (given: Given, ...variances: number[]) =>
    varianceFact(variances.map((variance, i) => at(10 * 5 ** i, variance)), settingsOf(given)).cure;
  const nce = { "nce": true, "noise-ratio": "50" };
  assertEquals(cure(nce, 4, 0.9, 0.2), undefined);
  assertEquals(cure(nce, 40, 4, 0.9), "--noise-ratio 250 or --noise batch+unigram");
  assertEquals(cure(nce, 90, 9, 2), "--noise batch+unigram");
  assertEquals(cure({ ...nce, noise: "batch+unigram" }, 90, 9, 2), "a larger batch");
  assertStringIncludes(varianceFact(undefined, settingsOf(nce)).text, "not compared");
});
