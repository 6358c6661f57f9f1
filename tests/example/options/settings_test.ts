// parseSettings(): defaults, and every option when it is given.

import { assertEquals, assertThrows } from "@std/assert";
import { OPTIMIZERS } from "../../../example/options/choices.ts";
import type { Given } from "../../../example/options/option.ts";
import type { Settings } from "../../../example/options/options.ts";
import { parseSettings, trainsPerplexity } from "../../../example/options/settings.ts";
import { UsageError } from "../../../example/shared/errors.ts";

const DEFAULTS: Settings = {
  train: false,
  resume: false,
  checkpointMinutes: 10,
  distributed: false,
  shardTables: false,
  rankTimeout: 600,
  syncEvery: 1,
  outerLr: 1,
  outerMomentum: 0,
  save: "model",
  start: null,
  prof: false,
  cuda: false,
  autotune: true,
  seed: 1111,
  logInterval: 200,
  config: null,
  quiet: false,
  verbose: false,
  debug: false,
  tbName: null,
  data: "synthetic",
  vocab: null,
  minFreq: 1,
  corpusMemory: null,
  evalTokens: null,
  concat: false,
  bptt: 35,
  carryState: false,
  emsize: 200,
  nhid: 200,
  nlayers: 2,
  tied: false,
  dropout: 0.2,
  tableDtype: "f32",
  indexModule: "linear",
  loss: "full",
  noiseRatio: 50,
  perWord: false,
  noise: "unigram",
  noisePower: 1,
  noiseUniform: 0,
  unique: false,
  removeHits: false,
  selfNorm: 0,
  evaluation: "full",
  audit: 0,
  normTerm: "auto",
  epochs: 40,
  batchSize: 20,
  compute: "f32",
  patience: null,
  maxMinutes: null,
  optimizer: "sgd",
  lr: 1,
  momentum: 0.9,
  warmup: 0,
  lrDecay: 2,
  minLr: 1e-30,
  clip: 0.25,
  weightDecay: 1e-5,
};

Deno.test("parseSettings() gives the reference's defaults when no option is given", () => {
  assertEquals(parseSettings({}), DEFAULTS);
});

/** Each option, a text for it, and the setting. */
const ALL: readonly [option: string, text: string | boolean, setting: unknown][] = [
  ["train", true, true],
  ["resume", true, true],
  ["checkpoint-minutes", ".5", 0.5],
  ["distributed", true, true],
  ["rank-timeout", "30", 30],
  ["sync-every", "100", 100],
  ["outer-lr", "0.7", 0.7],
  ["outer-momentum", "0.5", 0.5],
  ["save", "big.safetensors", "big"],
  ["prof", true, true],
  ["cuda", true, true],
  ["autotune", false, false],
  ["seed", "9007199254740991", 9007199254740991],
  ["log-interval", "10", 10],
  ["debug", true, true],
  ["config", "all.json", "all.json"],
  ["verbose", true, true],
  ["tb-name", "board", "board"],
  ["data", "data/penn", "data/penn"],
  ["min-freq", "3", 3],
  ["corpus-memory", "1.5", 1.5],
  ["eval-tokens", "1e4", 10_000],
  ["concat", true, true],
  ["bptt", "20", 20],
  ["carry-state", true, true],
  ["emsize", "300", 300],
  ["nhid", "1e3", 1000],
  ["nlayers", "1", 1],
  ["tied", true, true],
  ["dropout", "0", 0],
  ["table-dtype", "f32", "f32"],
  ["index-module", "linear", "linear"],
  ["loss", "sampled", "sampled"],
  ["noise-ratio", "500", 500],
  ["noise", "unigram", "unigram"],
  ["noise-power", ".75", 0.75],
  ["noise-uniform", "0.1", 0.1],
  ["unique", true, true],
  ["remove-hits", true, true],
  ["self-norm", "0.5", 0.5],
  ["evaluation", "sampled:500", { sampled: 500 }],
  ["audit", "50", 50],
  ["norm-term", "-2.5", -2.5],
  ["epochs", "1", 1],
  ["batch-size", "96", 96],
  ["compute", "f16", "f16"],
  ["patience", "3", 3],
  ["max-minutes", "0.5", 0.5],
  ["optimizer", "sgd", "sgd"],
  ["lr", ".5", 0.5],
  ["momentum", "0", 0],
  ["warmup", "1000", 1000],
  ["lr-decay", "4", 4],
  ["min-lr", "1e-3", 1e-3],
  ["clip", "5e-1", 0.5],
  ["weight-decay", "0", 0],
];

Deno.test("parseSettings() reads every option when all are given", () => {
  const given = Object.fromEntries(ALL.map(([option, text]) => [option, text]));
  const settings = ALL.map(([option, , setting]) => [settingOf(option), setting]);
  assertEquals(parseSettings(given), { ...DEFAULTS, ...Object.fromEntries(settings) });
  // These do not go with some of the others.
  assertEquals(parseSettings({ data: "data/penn", vocab: "words.txt" }).vocab, "words.txt");
  assertEquals(parseSettings({ "distributed": true, "shard-tables": true }).shardTables, true);
  assertEquals(parseSettings({ "train": true, "table-dtype": "f16" }).tableDtype, "f16");
});

/** `rank-timeout` is read into `rankTimeout`. */
function settingOf(option: string): string {
  return option.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

Deno.test("parseSettings() gives each optimizer its own learning rate, unless one is given", () => {
  const lrOf = (given: Given, config: Given = {}) => parseSettings(given, config).lr;
  assertEquals(OPTIMIZERS.map((optimizer) => lrOf({ optimizer })), [1, 0.02, 0.02, 0.005]);
  assertEquals(lrOf({ "optimizer": "adam", "lr": "1" }), 1);
  assertEquals(lrOf({ "optimizer": "adam" }, { "lr": "0.5" }), 0.5);
  // Only sgd takes the decay off the weight itself.
  parseSettings({ "optimizer": "adam", "lr": "2", "weight-decay": "0.6", "train": true });
});

Deno.test("parseSettings() takes --nce for --loss nce when no other loss is given", () => {
  assertEquals(parseSettings({ nce: true }).loss, "nce");
  assertEquals(parseSettings({ nce: true, loss: "nce" }).loss, "nce");
});

Deno.test("parseSettings() reads -1 as auto when it is the norm term", () => {
  assertEquals(parseSettings({ "norm-term": "auto" }).normTerm, "auto");
  assertEquals(parseSettings({ "norm-term": "-1" }).normTerm, "auto");
  assertEquals(parseSettings({ "norm-term": "0" }).normTerm, 0);
});

Deno.test("trainsPerplexity() is true of the exact loss without a penalty alone", () => {
  assertEquals(trainsPerplexity(parseSettings({})), true);
  assertEquals(trainsPerplexity(parseSettings({ "self-norm": "1e-9" })), false);
  assertEquals(trainsPerplexity(parseSettings({ nce: true })), false);
});

Deno.test("parseSettings() has the defaults that follow from other options", () => {
  const gru = { "index-module": "gru" };
  assertEquals([parseSettings(gru).nlayers, parseSettings({}).nlayers], [1, 2]);
  assertEquals(parseSettings({ ...gru, "nlayers": "1" }).nlayers, 1);
  // A saved model keeps its own loss, so that a test does not follow from the one that is given.
  const neg = { "loss": "neg" };
  const evaluations = [{ ...neg, "train": true }, neg].map((given) =>
    parseSettings(given).evaluation
  );
  assertEquals(evaluations, ["loss", "full"]);
});

Deno.test("parseSettings() takes what is just within the limits of several options", () => {
  const train = { "train": true };
  assertEquals(parseSettings({ ...train, "lr": "0.5", "min-lr": "0.5" }).minLr, 0.5);
  assertEquals(parseSettings({ ...train, "lr": "2", "weight-decay": "0.5" }).weightDecay, 0.5);
  const audited = { ...train, "loss": "nce" };
  for (const audit of ["0", "0.5"]) {
    assertThrows(() => parseSettings({ ...audited, audit }), UsageError, "--audit must be a whole");
  }
  // What a file says without effect is not told where it is the default.
  const told: string[] = [];
  const warn = (line: string) => void told.push(line);
  parseSettings(train, { "noise-ratio": "50", "outer-lr": "0.5" }, warn);
  assertEquals(told, ["--outer-lr 0.5 has no effect with --sync-every 1"]);
});
