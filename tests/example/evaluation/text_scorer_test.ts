// Scores of sentences: each depends on the sentence alone.

import { assert, assertEquals } from "@std/assert";
import { TextScorer } from "../../../example/evaluation/text_scorer.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { withGpu } from "../../support/gpu.ts";

const VOCABULARY = Vocabulary.from(
  ["<unk>", "<s>", "</s>", ...Array.from({ length: 37 }, (_, i) => `w${i}`)],
  Array.from({ length: 40 }, (_, i) => 40 - i),
);

Deno.test("a sentence has its score whatever sentences come before it, though noise is shared", () =>
  withGpu(async (gpu) => {
    const settings = parseSettings({ train: true, emsize: "8", nhid: "8" });
    using model = makeModel(gpu, settings, VOCABULARY);
    const scorer = new TextScorer(gpu, { model, vocabulary: VOCABULARY, kind: { sampled: 5 } });
    // More than one batch: 4,096 tokens and more.
    const sentences = Array.from({ length: 800 }, () => ["w3", "w30", "w1", "w7", "other"]);
    const all = await scorer.score(sentences), [alone] = await scorer.score(sentences.slice(-1));
    assertEquals(alone!.unknown, [false, false, false, false, true]);
    const sum = alone!.logProbs.reduce((a, b) => a + b, 0);
    assert(alone!.logProbs.length === 6 && alone!.logProb === sum);
    for (const { logProb } of all) assert(Math.abs(logProb - sum) < 1e-4 * Math.abs(sum));
  }));
