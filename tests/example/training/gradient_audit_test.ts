// Audits of a model: what they look at, and what they leave as it was.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { trainingBatches } from "../../../example/data/batches.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { auditModel } from "../../../example/training/gradient_audit.ts";
import type { Audit } from "../../../mod.ts";
import { withGpu } from "../../support/gpu.ts";

const CORPUS = await loadCorpus({ data: "synthetic:words=1000,vocab=100" });

function audited(given: Given, change: (ids: Uint32Array, mask: Float32Array) => void) {
  const settings = parseSettings({ "train": true, "emsize": "8", "nhid": "8", ...given });
  const batch = trainingBatches(CORPUS.train, settings, 1).at(0), { target, mask } = batch;
  change(target, mask);
  const { steps, batchSize, input, resets, tokens, continues } = batch;
  const changed = { steps, batchSize, input, resets, tokens, continues, target, mask };
  let found: Audit | undefined;
  return withGpu(async (gpu) => {
    using model = makeModel(gpu, settings, CORPUS.vocabulary);
    found = await auditModel(gpu, model, changed, { draws: 2 });
    assertEquals(await model.criterion.takeHits(), { hits: 0, samples: 0 });
  }).then(() => found!);
}

Deno.test("auditModel() leaves out what is not predicted, and takes in all of the batch that is", async () => {
  const given = { "nce": true, "noise-ratio": "10" };
  const whole = await audited(given, () => {});
  const half = (mask: Float32Array) => mask.forEach((_, i) => i % 2 && (mask[i] = 0));
  const masked = await audited(given, (_, mask) => half(mask));
  assertNotEquals(masked, whole);
  const otherPadding = await audited(given, (target, mask) => {
    half(mask);
    target.forEach((_, i) => i % 2 && (target[i] = 5));
  });
  assertEquals(otherPadding, masked);
  const otherWord = await audited(given, (target) => target[0] = 5);
  assertNotEquals(otherWord, whole);
});

Deno.test("auditModel() finds no error in an exact sampler of a model with dropout", async () => {
  const exact: Given = { "loss": "sampled", "unique": true, "remove-hits": true };
  const words = { "noise-ratio": String(CORPUS.vocabulary.size), "dropout": "0.5" };
  for (const module of ["linear", "gru"]) {
    const given = { ...exact, ...words, "index-module": module };
    const { cosine, bias, variance } = await audited(given, () => {});
    assert(cosine > 0.999999 && bias < 1e-4 && variance < 1e-9, JSON.stringify({ module, bias }));
  }
});
