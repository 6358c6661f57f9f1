/** Options that have no effect beside others, and tests that a model cannot have. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../example/errors.ts";
import { evaluationProblem } from "../example/evaluation_kind.ts";
import { type Given, ignoredOptions, LOSSES, NOISES, parseSettings } from "../example/settings.ts";

/** Options that change nothing beside the others, when a model is trained. */
const WITHOUT_EFFECT: readonly (readonly [Given, string])[] = [
  [{ "noise-ratio": "7" }, "--noise-ratio 7 has no effect with --loss full"],
  [{ "loss": "full", "noise-ratio": "50" }, "--noise-ratio 50 has no effect with --loss full"],
  [
    { "nce": true, "noise": "batch", "noise-ratio": "7" },
    "--noise-ratio 7 has no effect with --noise batch",
  ],
  [{ "per-word": true }, "--per-word has no effect with --loss full and --evaluation full"],
  [
    { "nce": true, "per-word": true, "noise": "batch" },
    "--per-word has no effect with --noise batch",
  ],
  [
    { "loss": "sampled", "per-word": true, "unique": true },
    "--per-word has no effect with --unique",
  ],
  [{ noise: "batch" }, "--noise batch has no effect with --loss full and --evaluation full"],
  [
    { "index-module": "gru", "noise": "uniform" },
    "--noise uniform has no effect with --index-module gru and --loss full and --evaluation full",
  ],
  [
    { "nce": true, "noise-power": "0.75", "noise": "uniform" },
    "--noise-power 0.75 has no effect with --noise uniform",
  ],
  [
    { "nce": true, "noise-uniform": "0.1", "noise": "batch" },
    "--noise-uniform 0.1 has no effect with --noise batch",
  ],
  [{ unique: true, loss: "nce" }, "--unique has no effect with --loss nce"],
  [{ unique: true, loss: "sampled", noise: "batch" }, "--unique has no effect with --noise batch"],
  [
    { "remove-hits": true, "nce": true },
    "--remove-hits has no effect with --loss nce and --evaluation full",
  ],
  [{ "norm-term": "learned" }, "--norm-term learned has no effect with --loss full"],
  [
    { "norm-term": "learned", "loss": "sampled", "self-norm": "0.0" },
    "--norm-term learned has no effect with --loss sampled and --self-norm 0",
  ],
  [
    { "norm-term": "5", "loss": "neg", "index-module": "gru" },
    "--norm-term 5 has no effect with --index-module gru and --loss neg and --self-norm 0",
  ],
  [{ "self-norm": "0.1" }, "--self-norm 0.1 has no effect with --loss full"],
  [{ audit: "10" }, "--audit 10 has no effect with --loss full"],
  [{ "carry-state": true }, "--carry-state has no effect without --concat"],
  [
    { "index-module": "gru", "concat": true, "carry-state": true },
    "--carry-state has no effect with --index-module gru",
  ],
  [{ "index-module": "gru", "nlayers": "2" }, "--nlayers 2 has no effect with --index-module gru"],
  [
    { "data": "x", "vocab": "words.txt", "min-freq": "2" },
    "--min-freq 2 has no effect with --vocab words.txt",
  ],
  [{ vocab: "words.txt" }, "--vocab words.txt has no effect with --data synthetic"],
  [
    { "data": "synthetic:vocab=900", "min-freq": "2" },
    "--min-freq 2 has no effect with --data synthetic:vocab=900",
  ],
];

/** Options that look as if they had no effect, but have one. */
const WITH_EFFECT: readonly Given[] = [
  { noise: "uniform" }, // the output bias starts there
  { "noise-power": "0.75" },
  { "norm-term": "7" },
  { "noise-power": "0.75", "noise": "batch+unigram", "nce": true },
  { "evaluation": "sampled:9", "per-word": true, "remove-hits": true },
  { "index-module": "gru", "noise": "uniform", "evaluation": "sampled:9" },
  { "index-module": "gru", "dropout": "0.5", "nlayers": "1" },
  { "loss": "sampled", "norm-term": "learned", "self-norm": "0.1" },
  { "data": "x", "min-freq": "2" },
  { "data": "x", "vocab": "words.txt" },
];

/** Command lines of the reference. */
const REFERENCE: readonly Given[] = [
  { "train": true, "cuda": true, "nce": true, "noise-ratio": "500", "norm-term": "9" },
  { "train": true, "cuda": true, "loss": "full", "norm-term": "9", "index-module": "linear" },
  { "train": true, "nce": true, "index-module": "gru", "noise-ratio": "50", "nlayers": "1" },
];

/** Tests that a model of `--train`'s options refuses, with the message. */
const EVALUATIONS: readonly (readonly [Given, string])[] = [
  ...["full", "nce", "sampled:5"].map((evaluation): [Given, string] => [
    { loss: "neg", evaluation },
    `Cannot test a model of --loss neg by --evaluation ${evaluation}: its scores are no ` +
    "probabilities, and it has no perplexity; give --evaluation loss",
  ]),
  [
    { loss: "mix", evaluation: "loss" },
    "Cannot test a model of --loss mix by --evaluation loss: it is a loss for training only; " +
    "give --evaluation full or nce",
  ],
  [
    { loss: "nce", evaluation: "loss" },
    "Cannot test a model of --loss nce by --evaluation loss: outside training its loss is the raw " +
    "scores'; give --evaluation nce",
  ],
  ...["batch", "batch+uniform"].map((noise): [Given, string] => [
    { loss: "sampled", noise, evaluation: "sampled:5" },
    `Cannot test a model of --loss sampled by --evaluation sampled:5: --noise ${noise} has as many ` +
    "samples as a batch has words; give --evaluation full or loss",
  ]),
  [
    { "loss": "sampled", "unique": true, "noise-ratio": "7", "evaluation": "sampled:5" },
    "Cannot test a model of --loss sampled by --evaluation sampled:5: with --unique there are " +
    "--noise-ratio samples; give --evaluation sampled:7",
  ],
];

function expectRefusal(given: Given, message: string): void {
  const error = assertThrows(() => parseSettings(given), UsageError);
  assertEquals(error.message, message);
}

Deno.test("parseSettings() refuses options without effect when a model is trained", () => {
  for (const [given, message] of WITHOUT_EFFECT) {
    expectRefusal({ train: true, ...given }, `${message}: leave it out`);
  }
  for (const given of [...WITH_EFFECT, ...REFERENCE]) parseSettings({ train: true, ...given });
});

Deno.test("ignoredOptions() names what a test or a profile has no use for", () => {
  const told = (given: Given) => ignoredOptions(given, parseSettings(given));
  assertEquals(
    told({ train: true, prof: true, nce: true, epochs: "3", save: "x" }),
    "warning: no effect with --prof: --save, --epochs",
  );
  for (const given of [...WITHOUT_EFFECT.map(([given]) => given), ...REFERENCE]) {
    if ("vocab" in given || "data" in given) continue; // these are used in a test, too
    const names = Object.keys(given).filter((name) => !["train", "cuda"].includes(name));
    const testing = { ...given, train: false };
    const list = told(testing)?.replace(
      "warning: no effect without --train; a saved model keeps its own: ",
      "",
    );
    assertEquals(list?.split(", ").sort(), names.map((name) => `--${name}`).sort());
  }
  const used = { "data": "x", "min-freq": "2", "save": "a", "evaluation": "nce", "debug": true };
  assertEquals(told(used), undefined);
  assertEquals(told({ "train": true, "lr": "2", "log-interval": "5", "seed": "1" }), undefined);
});

Deno.test("parseSettings() refuses an evaluation that the model cannot have, which is saved or not", () => {
  for (const [given, message] of EVALUATIONS) {
    expectRefusal({ train: true, ...given }, message);
    // Without --train the loss given here is not the model's.
    const settings = parseSettings({ ...given, train: false });
    assertEquals(evaluationProblem(settings, settings.evaluation), message);
  }
  assertEquals(parseSettings({ train: true, loss: "neg" }).evaluation, "loss");
  for (const loss of LOSSES) {
    for (const noise of NOISES) {
      const model = { loss, noise, noiseRatio: 5, unique: false };
      const kinds = (["full", "nce", "loss", { sampled: 9 }] as const).filter((kind) =>
        evaluationProblem(model, kind) === undefined
      );
      assert(kinds.length > 0, `a model of ${loss} can be tested`);
    }
  }
});
