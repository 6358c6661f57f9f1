// What a validation measures: of which words, and how far a part may be from the whole.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Corpus } from "../../../example/data/corpus.ts";
import { SentencesBuilder } from "../../../example/data/sentences.ts";
import { UNK, Vocabulary } from "../../../example/data/vocab.ts";
import { type Given, parseSettings } from "../../../example/options/settings.ts";
import { Ranks } from "../../../example/shared/ranks.ts";
import { makeModel } from "../../../example/storage/checkpoint.ts";
import { validate, type Validation } from "../../../example/training/validate.ts";
import { captureIo } from "../../support/capture_io.ts";
import { withGpu } from "../../support/gpu.ts";

const WORDS = ["<unk>", "<s>", "</s>", "a", "b"];

/** The validation of a new model on sentences of these ids, where `<unk>` has been counted so often. */
async function validation(
  sentences: readonly (readonly number[])[],
  { unknown = 0, whole }: { unknown?: number; whole?: number },
  given: Given = {},
): Promise<Validation> {
  const builder = new SentencesBuilder();
  for (const ids of sentences) builder.add(ids);
  const valid = builder.build(), vocabulary = Vocabulary.from(WORDS, [unknown, 4, 0, 9, 2]);
  const wholeTokens = whole && { wholeTokens: { valid: whole, test: 999 } };
  const corpus = { valid, vocabulary, ...wholeTokens } as Corpus;
  const found: Validation[] = [];
  await withGpu(async (gpu) => {
    const sizes = { "emsize": "4", "nhid": "4", "nlayers": "1", "noise-ratio": "3" };
    const settings = parseSettings({ train: true, "loss": "nce", ...sizes, ...given });
    using model = makeModel(gpu, settings, vocabulary);
    found.push(await validate(gpu, model, corpus, captureIo(), new Ranks()));
  });
  return found[0]!;
}

Deno.test("validate() leaves unknown words out of the measure if training has none", async () => {
  const some = [[3, UNK, 4], [3]], none = [[3, 4], [3]];
  const untrained = await validation(some, {}), { validPpl, validPplKnown } = untrained.fields;
  assert(validPpl! > validPplKnown!, "<unk> is the least probable word");
  assertEquals([untrained.kind, untrained.measure], ["ppl", validPplKnown]);
  const trained = await validation(some, { unknown: 3 });
  assertEquals(trained.measure, trained.fields.validPpl);
  assert(trained.fields.validPplKnown !== trained.measure);
  const { measure, fields, text } = await validation(none, {});
  assertEquals(fields, { validPpl: measure });
  assertMatch(text, /^ppl [\d.]+$/);
});

Deno.test("validate() gives the error of a part next to its own text, and a loss where there are no probabilities", async () => {
  const sentences = [[3, 4], [3], [4, 4, 4]], tokens = 9;
  assertMatch((await validation(sentences, { whole: tokens })).text, /^ppl [\d.]+ \u00b1 0\.00$/);
  const part = await validation(sentences, { whole: 2 * tokens });
  assertMatch(part.text, /^ppl [\d.]+ \u00b1 (?:0\.0[1-9]|0\.[1-9]\d|[1-9][\d.]*)$/);
  const { kind, measure, fields, card } = await validation(sentences, {}, { "loss": "neg" });
  assertEquals([kind, fields, card], ["loss", { validLoss: measure }, undefined]);
});
