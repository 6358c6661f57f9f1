/** Options that have no effect beside others. */

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { run } from "../../../example/commands/run.ts";
import { openBytes } from "../../../example/shared/files.ts";
import { decodeModel } from "../../../example/storage/model_file.ts";
import { ignoredOptions } from "../../../example/options/effects.ts";
import type { Given } from "../../../example/options/option.ts";
import type { Settings } from "../../../example/options/options.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder } from "../../support/folder.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";
import { parametersOf } from "../../support/model_files.ts";

leaseToProgram();

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
    { "nce": true, "per-word": true, "noise": "batch+unigram" },
    "--per-word has no effect with --noise batch+unigram",
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
  [
    { "norm-term": "learned" },
    "--norm-term learned has no effect with --loss full and --self-norm 0",
  ],
  [
    { "norm-term": "learned", "loss": "sampled", "self-norm": "0.0" },
    "--norm-term learned has no effect with --loss sampled and --self-norm 0",
  ],
  [
    { "norm-term": "5", "loss": "neg", "index-module": "gru" },
    "--norm-term 5 has no effect with --index-module gru and --loss neg and --self-norm 0",
  ],
  [
    { "optimizer": "adam", "momentum": "0.5" },
    "--momentum 0.5 has no effect with --optimizer adam",
  ],
  [{ "lr-decay": "1", "min-lr": "0.1" }, "--min-lr 0.1 has no effect with --lr-decay 1"],
  [{ audit: "10" }, "--audit 10 has no effect with --loss full"],
  [{ "index-module": "gru", "tied": true }, "--tied has no effect with --index-module gru"],
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

/** Options that look as if they had no effect, but have one, with the others that give it to them. */
const WITH_EFFECT: readonly (readonly [name: string, given: Given])[] = [
  ["noise", { noise: "uniform" }], // the output bias starts there
  ["noise-power", { "noise-power": "0.75" }],
  ["noise-uniform", { "noise-uniform": "0.5" }],
  ["norm-term", { "norm-term": "7" }],
  ["norm-term", { "norm-term": "7", "loss": "neg" }],
  ["norm-term", { "norm-term": "7", "loss": "sampled", "index-module": "gru" }],
  ["norm-term", { "norm-term": "learned", "loss": "sampled", "self-norm": "0.1" }],
  ["noise-power", { "noise-power": "0.75", "noise": "batch+unigram", "nce": true }],
  ["noise-ratio", { "noise-ratio": "7", "noise": "batch+uniform", "nce": true }],
  ["per-word", { "per-word": true, "evaluation": "sampled:9" }],
  ["remove-hits", { "remove-hits": true, "evaluation": "sampled:9" }],
  ["noise", { "noise": "uniform", "index-module": "gru", "evaluation": "sampled:9" }],
  ["dropout", { "dropout": "0.5", "index-module": "gru", "nlayers": "1" }],
  ["self-norm", { "self-norm": "0.1", "loss": "neg" }],
  ["self-norm", { "self-norm": "0.1", "loss": "full" }],
  ["norm-term", { "norm-term": "learned", "loss": "full", "self-norm": "0.1" }],
  ["optimizer", { "optimizer": "adagrad", "lr": "1" }],
  ["momentum", { "momentum": "0" }],
  ["warmup", { "warmup": "9" }],
  ["min-freq", { "data": "x", "min-freq": "2" }],
  ["vocab", { "data": "x", "vocab": "words.txt" }],
];

/** Command lines of the reference. */
const REFERENCE: readonly Given[] = [
  { "train": true, "cuda": true, "nce": true, "noise-ratio": "500", "norm-term": "9" },
  { "train": true, "cuda": true, "loss": "full", "norm-term": "9", "index-module": "linear" },
  { "train": true, "nce": true, "index-module": "gru", "noise-ratio": "50", "nlayers": "1" },
];

function expectRefusal(given: Given, message: string): void {
  const error = assertThrows(() => parseSettings(given), UsageError);
  assertEquals(error.message, message);
}

Deno.test("parseSettings() refuses options without effect when a model is trained", () => {
  for (const [given, message] of WITHOUT_EFFECT) {
    expectRefusal({ train: true, ...given }, `${message}: leave it out`);
  }
  for (const given of [...WITH_EFFECT.map(([, given]) => given), ...REFERENCE]) {
    parseSettings({ train: true, ...given });
  }
});

Deno.test("parseSettings() refuses --sync-every for one process, and its coefficients without it", () => {
  const refused: [Given, string][] = [
    [{ "sync-every": "9" }, "--sync-every 9 has no effect without --distributed"],
    [
      { "distributed": true, "outer-lr": "0.7" },
      "--outer-lr 0.7 has no effect with --sync-every 1",
    ],
    [
      { "distributed": true, "outer-momentum": "0.5" },
      "--outer-momentum 0.5 has no effect with --sync-every 1",
    ],
  ];
  for (const [given, message] of refused) {
    expectRefusal({ train: true, ...given }, `${message}: leave it out`);
  }
});

Deno.test("parseSettings() takes a switch that is off for one that is not given", () => {
  const off: Given = { "train": true, "carry-state": false, "per-word": false, "unique": false };
  assertEquals(parseSettings(off), parseSettings({ train: true }));
});

Deno.test("ignoredOptions() names what a test or a profile has no use for", () => {
  const told = (given: Given) => ignoredOptions(given, parseSettings(given));
  assertEquals(
    told({ train: true, prof: true, nce: true, epochs: "3", save: "x" }),
    "warning: no effect with --prof: --save, --epochs",
  );
  for (const given of [...WITHOUT_EFFECT.map(([given]) => given), ...REFERENCE]) {
    if ("data" in given) continue; // it is used in a test, too
    const names = Object.keys(given).filter((name) => !["train", "cuda"].includes(name));
    const testing = { ...given, train: false };
    const list = told(testing)?.replace(
      "warning: no effect without --train; a saved model keeps its own: ",
      "",
    );
    assertEquals(list?.split(", ").sort(), names.map((name) => `--${name}`).sort());
  }
  const used = { "data": "x", "save": "a", "evaluation": "nce", "debug": true };
  assertEquals(told(used), undefined);
  assertEquals(told({ "train": true, "lr": "2", "log-interval": "5", "seed": "1" }), undefined);
});

const TINY: Given = {
  "data": "synthetic:words=1000,vocab=100",
  "emsize": "4",
  "nhid": "4",
  "epochs": "1",
  "log-interval": "1000",
  "dropout": "0",
  "autotune": false, // another tuning, not the option, would change the last bits
};

const outcomes = new Map<string, Promise<string[]>>();

/** What a training run of these options ends with, which runs once for the same settings. */
function outcome(given: Given): Promise<string[]> {
  // Without --train nothing is refused.
  const settings = parseSettings({ ...TINY, ...given, train: false }),
    key = JSON.stringify(settings);
  const known = outcomes.get(key) ?? train(settings);
  outcomes.set(key, known);
  return known;
}

/** A training run's model's parameters and the lines of its test. */
async function train(settings: Settings): Promise<string[]> {
  const io = captureIo();
  const evaluation = settings.loss === "neg" ? "loss" : settings.evaluation;
  await run({ ...settings, evaluation, train: true }, io);
  const lines = io.outLines.filter((line) => /^(words|normaliser|raw scores|test) /.test(line));
  using file = openBytes("saved_model/model.safetensors");
  const { parameters } = decodeModel(file);
  const sums = [...parametersOf({ parameters })].map(([name, data]) =>
    `${name} ${data.reduce((sum, x, i) => sum + x * Math.cos(i), 0)}`
  );
  return [...lines, ...sums];
}

/** The same options without the one that `message` begins with. */
function without(given: Given, message: string): Given {
  const name = /^--([a-z-]+)/.exec(message)![1]!;
  return Object.fromEntries(Object.entries(given).filter(([other]) => other !== name));
}

Deno.test("options that are refused change nothing, or cannot be had at all", () =>
  inFolder(async () => {
    let same = 0;
    for (const [given, message] of WITHOUT_EFFECT) {
      // What is learned starts elsewhere than the default; files are not there.
      if (given["norm-term"] === "learned" || "vocab" in given || "data" in given) continue;
      // The text keeps its order for a state to be carried, though an IndexGRU does not carry it.
      if (message.startsWith("--carry-state")) continue;
      let found: string[];
      try {
        found = await outcome(given);
      } catch (thrown) {
        // Half a model may be left on the GPU, too: users are refused before it is made.
        const error: unknown = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
        const contradicts = error instanceof Failure && error.message.includes("contradict");
        assert(
          error instanceof TypeError || error instanceof RangeError || contradicts,
          String(error),
        );
        continue;
      }
      assertEquals(found, await outcome(without(given, message)), message);
      same++;
    }
    assertEquals(same, 12, "options that were compared");
  }));

Deno.test("options that are not refused change something", () =>
  inFolder(async () => {
    for (const [name, given] of WITH_EFFECT) {
      if (given["data"] === "x") continue;
      const plain = await outcome(without(given, `--${name}`));
      assertNotEquals(await outcome(given), plain, `--${name} of ${JSON.stringify(given)}`);
    }
  }));
