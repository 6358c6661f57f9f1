// What a validation measures: the objective that is trained, of which words, and how far a part may be from the whole.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { run } from "../../../example/commands/run.ts";
import type { Corpus } from "../../../example/data/corpus.ts";
import { SentencesBuilder } from "../../../example/data/sentences.ts";
import { UNK, Vocabulary } from "../../../example/data/vocab.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Ranks } from "../../../example/shared/ranks.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { validate, type Validation } from "../../../example/training/validate.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";
import { events, runTiny, TINY } from "../../support/tiny_run.ts";

leaseToProgram();

const WORDS = ["<unk>", "<s>", "</s>", "a", "b"];

/** The model of a validation, and its text. */
interface Model {
  /** How often `<unk>` has been counted. */
  readonly unknown?: number;
  /** The scores of words in any context; otherwise the model is new. */
  readonly scores?: readonly number[];
  /** Tokens of the whole text, if the sentences are a part. */
  readonly whole?: number;
}

/** The validation of a model on sentences of these ids. */
async function validation(
  sentences: readonly (readonly number[])[],
  { unknown = 0, scores, whole }: Model,
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
    for (const [, parameter] of scores ? model.parameters() : []) {
      const { size } = parameter;
      gpu.write(
        parameter,
        size === WORDS.length ? Float32Array.from(scores!) : new Float32Array(size),
      );
    }
    const io = captureIo(), ranks = new Ranks();
    found.push(await validate({ gpu, model, corpus, settings, io, ranks }));
  });
  return found[0]!;
}

Deno.test("validate() leaves unknown words out of the measure if training has none", async () => {
  const some = [[3, UNK, 4], [3]], none = [[3, 4], [3]];
  const untrained = await validation(some, {}), { validPpl, validPplKnown } = untrained.fields;
  assert(validPpl! > validPplKnown!, "<unk> is the least probable word");
  assertEquals([untrained.kind, untrained.measure], ["known ppl", validPplKnown]);
  const trained = await validation(some, { unknown: 3 });
  assertEquals([trained.kind, trained.measure], ["ppl", trained.fields.validPpl]);
  assert(trained.fields.validPplKnown !== trained.measure);
  const { measure, fields, text } = await validation(none, {});
  assertEquals(fields, { validPpl: measure });
  assertMatch(text, /^ppl [\d.]+$/);
});

Deno.test("validate() gives the error of a part next to its own text, and a loss where there are no probabilities", async () => {
  const sentences = [[3, 4], [3], [4, 4, 4]], tokens = 9;
  assertMatch((await validation(sentences, { whole: tokens })).text, /^ppl [\d.]+ \u00b1 0\.00$/);
  const scores = [0, 0, 0, 2, 1], lnZ = Math.log(3 + Math.exp(2) + Math.E);
  const part = await validation([[3], [4, 4, 4]], { scores, whole: 12 });
  const first = 2 * lnZ - 2, second = 4 * lnZ - 3, mean = (first + second) / 6; // with the ends
  const ppl = Math.exp(mean), error = Math.SQRT2 * Math.abs(first - 2 * mean) / 6;
  assertEquals(part.text, `ppl ${ppl.toFixed(2)} \u00b1 ${(ppl * error).toFixed(2)}`);
  const { kind, measure, fields, card } = await validation(sentences, {}, { "loss": "neg" });
  assertEquals([kind, fields, card], ["loss", { validLoss: measure }, undefined]);
});

/** A run that learns nothing: the loss of neg is about ln 2 for a target and for each of its samples. */
const STILL = { "train": true, "epochs": "1", "lr": "1e-9", "dropout": "0", "batch-size": "5" };
const RUNS = {
  neg: { "loss": "neg", "noise": "batch" },
  sampled: { "loss": "sampled", "noise": "batch", "evaluation": "loss" },
};

Deno.test("a test by a loss with noise from the batch says so if nothing tells the batches of training", () =>
  inFolder(async () => {
    const path = "saved_model/model.config.json";
    const warnings = async (evaluation = "loss") => {
      const io = captureIo();
      await run(parseSettings({ ...TINY, evaluation, "batch-size": "3" }), io);
      return io.errLines.filter((line) => line.includes("batches"));
    };
    await runTiny({ ...STILL, ...RUNS.sampled });
    assertEquals(await warnings(), []);
    Deno.removeSync(path);
    assertEquals(await warnings(), [
      `warning: there is no ${path} with the batches of training: the loss is that of batches of ` +
      "--batch-size 3; restore it, or say by --config what they were",
    ]);
    assertEquals(await warnings("full"), []);
    await runTiny({ ...STILL, "loss": "sampled" });
    Deno.removeSync(path);
    assertEquals(await warnings(), []);
  }));

Deno.test("noise from the batch is about as much in validation and test as in training", () =>
  inFolder(async () => {
    for (const [name, given] of Object.entries(RUNS)) {
      await runTiny({ ...STILL, ...given, "save": name });
      const [epoch, test] = events(name)
        .filter(({ event }) => event === "epoch" || event === "test");
      const { trainLoss, validLoss = trainLoss } = epoch as Record<string, number>;
      for (const loss of [validLoss, test!["loss"]] as number[]) {
        // These texts end with a batch that is not full. Batches of 4,096 places would have four times the loss.
        assert(
          loss > 0.8 * trainLoss! && loss < 1.2 * trainLoss!,
          `${name}: ${loss}, ${trainLoss}`,
        );
      }
    }
  }));
