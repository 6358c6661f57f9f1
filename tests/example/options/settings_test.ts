// parseSettings(): defaults, and every option when it is given.

import { assertEquals } from "@std/assert";
import { OPTIMIZERS } from "../../../example/options/choices.ts";
import { type Given, parseSettings, type Settings } from "../../../example/options/settings.ts";

const DEFAULTS: Settings = {
  train: false,
  resume: false,
  checkpointMinutes: 10,
  distributed: false,
  shardTables: false,
  rankTimeout: 600,
  save: "model",
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
  dropout: 0.2,
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

Deno.test("parseSettings() reads every option when all are given", () => {
  const given = {
    "train": true,
    "resume": true,
    "checkpoint-minutes": ".5",
    "distributed": true,
    "rank-timeout": "30",
    "save": "big.safetensors",
    "prof": true,
    "cuda": true,
    "autotune": false,
    "seed": "9007199254740991",
    "log-interval": "10",
    "debug": true,
    "config": "all.json",
    "verbose": true,
    "tb-name": "board",
    "data": "data/penn",
    "min-freq": "3",
    "corpus-memory": "1.5",
    "eval-tokens": "1e4",
    "concat": true,
    "bptt": "20",
    "carry-state": true,
    "emsize": "300",
    "nhid": "1e3",
    "nlayers": "1",
    "dropout": "0",
    "index-module": "linear",
    "loss": "sampled",
    "noise-ratio": "500",
    "noise": "unigram",
    "noise-power": ".75",
    "noise-uniform": "0.1",
    "unique": true,
    "remove-hits": true,
    "self-norm": "0.5",
    "evaluation": "sampled:500",
    "audit": "50",
    "norm-term": "-2.5",
    "epochs": "1",
    "batch-size": "96",
    "compute": "f16",
    "patience": "3",
    "max-minutes": "0.5",
    "optimizer": "sgd",
    "lr": ".5",
    "momentum": "0",
    "warmup": "1000",
    "lr-decay": "4",
    "min-lr": "1e-3",
    "clip": "5e-1",
    "weight-decay": "0",
  };
  assertEquals(parseSettings(given), {
    train: true,
    resume: true,
    checkpointMinutes: 0.5,
    distributed: true,
    shardTables: false,
    rankTimeout: 30,
    save: "big",
    prof: true,
    cuda: true,
    autotune: false,
    seed: 9007199254740991,
    logInterval: 10,
    debug: true,
    config: "all.json",
    quiet: false,
    verbose: true,
    tbName: "board",
    data: "data/penn",
    vocab: null,
    minFreq: 3,
    corpusMemory: 1.5,
    evalTokens: 10_000,
    concat: true,
    bptt: 20,
    carryState: true,
    emsize: 300,
    nhid: 1000,
    nlayers: 1,
    dropout: 0,
    indexModule: "linear",
    loss: "sampled",
    noiseRatio: 500,
    perWord: false,
    noise: "unigram",
    noisePower: 0.75,
    noiseUniform: 0.1,
    unique: true,
    removeHits: true,
    selfNorm: 0.5,
    evaluation: { sampled: 500 },
    audit: 50,
    normTerm: -2.5,
    epochs: 1,
    batchSize: 96,
    compute: "f16",
    patience: 3,
    maxMinutes: 0.5,
    optimizer: "sgd",
    lr: 0.5,
    momentum: 0,
    warmup: 1000,
    lrDecay: 4,
    minLr: 1e-3,
    clip: 0.5,
    weightDecay: 0,
  });
  assertEquals(parseSettings({ data: "data/penn", vocab: "words.txt" }).vocab, "words.txt");
  assertEquals(parseSettings({ "distributed": true, "shard-tables": true }).shardTables, true);
});

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
