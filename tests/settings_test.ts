/** parseSettings(): defaults, every option's limits, and the text of each refusal. */

import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../example/errors.ts";
import { OPTION_GROUPS } from "../example/options.ts";
import { parseSettings } from "../example/settings.ts";
import type { Given, Settings } from "../example/settings.ts";

const DEFAULTS: Settings = {
  train: false,
  save: "model",
  prof: false,
  cuda: false,
  seed: 1111,
  logInterval: 200,
  debug: false,
  data: "synthetic",
  vocab: null,
  minFreq: 1,
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
  normTerm: 9,
  epochs: 40,
  batchSize: 20,
  lr: 1,
  lrDecay: 2,
  clip: 0.25,
  weightDecay: 1e-5,
};

/** Refused options with the whole message. */
const REFUSALS: readonly (readonly [Given, string])[] = [
  ...["noise-ratio", "bptt", "epochs", "batch-size", "min-freq", "log-interval"].flatMap((name) =>
    ["0", "-3", "1.5", "abc", "1e-3", "0x10", "Infinity", "1_000", " 7"].map((
      text,
    ): [Given, string] => [
      { [name]: text },
      `--${name} must be a whole number of at least 1, got "${text}", ` +
      `for example --${name} ${defaultOf(name)}`,
    ])
  ),
  [
    { emsize: "2.5" },
    '--emsize must be a whole number of at least 1, got "2.5", for example --emsize 200',
  ],
  [
    { nhid: "0" },
    '--nhid must be a whole number of at least 1, got "0", for example --nhid 200',
  ],
  [
    { nlayers: "99999999999" },
    "--nlayers must be a whole number of at least 1 and at most 2147483647, " +
    'got "99999999999", for example --nlayers 2',
  ],
  [
    { seed: "-1" },
    '--seed must be a whole number of at least 0, got "-1", for example --seed 1111',
  ],
  [
    { seed: "9007199254740992" },
    "--seed must be a whole number of at least 0 and at most 9007199254740991, " +
    'got "9007199254740992", for example --seed 1111',
  ],
  ...["1.5", "1", "-0.1", "half"].map((text): [Given, string] => [
    { dropout: text },
    `--dropout must be a number of at least 0 and below 1, got "${text}", ` +
    "for example --dropout 0.2",
  ]),
  ...["0", "-1", "NaN", "1e400"].map((text): [Given, string] => [
    { lr: text },
    `--lr must be a number above 0, got "${text}", for example --lr 1`,
  ]),
  [{ clip: "0" }, '--clip must be a number above 0, got "0", for example --clip 0.25'],
  [
    { "lr-decay": "0.5" },
    '--lr-decay must be a number of at least 1, got "0.5", for example --lr-decay 2',
  ],
  [
    { "weight-decay": "-1e-5" },
    '--weight-decay must be a number of at least 0, got "-1e-5", for example --weight-decay 1e-5',
  ],
  [
    { loss: "nec" },
    '--loss must be one of full, nce, sampled, mix, neg, got "nec", for example --loss full',
  ],
  [
    { "index-module": "rnn" },
    '--index-module must be one of linear, gru, got "rnn", for example --index-module linear',
  ],
  [
    { "index-module": "gru", nlayers: "2" },
    "--index-module gru has one layer: leave out --nlayers, or give 1",
  ],
  [
    { "index-module": "gru", concat: true, "carry-state": true },
    "--carry-state goes with --index-module linear only: leave one out",
  ],
  [
    { noise: "bigram" },
    "--noise must be one of unigram, uniform, log-uniform, batch, batch+unigram, batch+uniform, " +
    'batch+log-uniform, got "bigram", for example --noise unigram',
  ],
  [
    { unique: true, loss: "nce" },
    "--unique goes with --loss sampled only: leave it out, or change the other",
  ],
  [
    { "remove-hits": true },
    "--remove-hits goes with --loss sampled only: leave it out, or change the other",
  ],
  [
    { "per-word": true, noise: "batch" },
    "--per-word goes with independent noise only: leave it out, or change the other",
  ],
  [
    { unique: true, loss: "sampled", noise: "batch" },
    "--unique goes with noise that is drawn only: leave it out, or change the other",
  ],
  [
    { "noise-power": "0.75", noise: "uniform" },
    "--noise-power goes with --noise unigram only: leave it out, or change the other",
  ],
  [
    { "noise-uniform": "1.5" },
    '--noise-uniform must be a number of at least 0 and at most 1, got "1.5", ' +
    "for example --noise-uniform 0",
  ],
  [
    { "self-norm": "-1" },
    '--self-norm must be a number of at least 0, got "-1", for example --self-norm 0',
  ],
  [
    { audit: "10", loss: "full" },
    "--audit goes with a sampled loss only: leave it out, or change the other",
  ],
  [
    { evaluation: "sampled" },
    '--evaluation must be full, nce, sampled:K or loss, got "sampled", for example --evaluation full',
  ],
  [
    { evaluation: "full", loss: "neg" },
    "--evaluation full does not go with --loss neg, whose scores are no probabilities and have no " +
    "perplexity: leave it out, or give loss",
  ],
  [
    { "norm-term": "nine" },
    '--norm-term must be a number, auto or learned, got "nine", for example --norm-term 9',
  ],
  [
    { "tb-name": "run1" },
    '--tb-name "run1" is not available yet; every training run writes ' +
    "saved_model/NAME.metrics.jsonl",
  ],
  [{ "carry-state": true }, "--carry-state needs --concat: give both, or neither"],
  [
    { nce: true, loss: "full" },
    "--nce means --loss nce, but --loss full was given too: leave one out",
  ],
  ...["a/b", "a\\b", "..", ".", ".safetensors", "a\nb"].map((text): [Given, string] => [
    { save: text },
    `--save must be a file name without folders, got ${JSON.stringify(text)}, ` +
    "for example --save model",
  ]),
  [{ data: "--train" }, '--data needs a value, but the next word is "--train"'],
  [{ vocab: "" }, "--vocab needs a value; see --help"],
];

function defaultOf(name: string): string | undefined {
  return OPTION_GROUPS.flatMap(({ options }) => options).find((spec) => spec.name === name)
    ?.default;
}

Deno.test("parseSettings() gives the reference's defaults when no option is given", () => {
  assertEquals(parseSettings({}), DEFAULTS);
});

Deno.test("parseSettings() reads every option when all are given", () => {
  const given = {
    "train": true,
    "save": "big.safetensors",
    "prof": true,
    "cuda": true,
    "seed": "9007199254740991",
    "log-interval": "10",
    "debug": true,
    "data": "data/penn",
    "vocab": "words.txt",
    "min-freq": "3",
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
    "evaluation": "sampled:100",
    "audit": "50",
    "norm-term": "-2.5",
    "epochs": "1",
    "batch-size": "96",
    "lr": ".5",
    "lr-decay": "1",
    "clip": "5e-1",
    "weight-decay": "0",
  };
  assertEquals(parseSettings(given), {
    train: true,
    save: "big",
    prof: true,
    cuda: true,
    seed: 9007199254740991,
    logInterval: 10,
    debug: true,
    data: "data/penn",
    vocab: "words.txt",
    minFreq: 3,
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
    evaluation: { sampled: 100 },
    audit: 50,
    normTerm: -2.5,
    epochs: 1,
    batchSize: 96,
    lr: 0.5,
    lrDecay: 1,
    clip: 0.5,
    weightDecay: 0,
  });
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

Deno.test("parseSettings() names the option, the value and the cure when a value is wrong", () => {
  for (const [given, message] of REFUSALS) {
    const error = assertThrows(() => parseSettings(given), UsageError);
    assertEquals(error.message, message);
  }
});
