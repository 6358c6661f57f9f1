// Values that options refuse, each with the whole message.

import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../example/shared/errors.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { OPTIONS } from "../../support/options.ts";

/** The largest value of options that count. */
const COUNTS = {
  "noise-ratio": 1e7,
  "bptt": 1e6,
  "epochs": 1e6,
  "batch-size": 1e6,
  "min-freq": 1e9,
  "log-interval": 1e9,
  "emsize": 65536,
  "nhid": 65536,
  "nlayers": 64,
};

/** Values outside of the range that an option takes, with the range. */
const NUMBERS: Record<string, readonly [range: string, ...values: string[]]> = {
  "dropout": ["from 0 to 0.999", "1.5", "1", "0.99999", "-0.1", "half"],
  "lr": ["from 1e-30 to 1e+30", "0", "-1", "NaN", "1e400", "1e-400", "1e-40", "1e39"],
  "min-lr": ["from 1e-30 to 1e+30", "0", "1e39"],
  "momentum": ["from 0 to 0.9999", "1", "-0.1", "0.99995"],
  "clip": ["from 1e-30 to 1e+30", "0", "1e39", "Infinity"],
  "lr-decay": ["from 1 to 1e+30", "0.5", "1e39"],
  "weight-decay": ["from 0 to 1e+30", "-1e-5", "1e39"],
  "noise-uniform": ["from 0 to 1", "1.5", "-0.1"],
  "noise-power": ["from 0 to 10", "-1", "1000"],
  "self-norm": ["from 0 to 10000000000", "-1", "1e39"],
};

const SHARDED: Given = { "train": true, "distributed": true, "shard-tables": true };

/** Refused options with the whole message. */
const REFUSALS: readonly (readonly [Given, string])[] = [
  [
    { "train": true, "nce": true, "shard-tables": true },
    "--shard-tables has no effect without --distributed: leave it out",
  ],
  [
    SHARDED,
    "--loss full needs the whole tables at each step: leave out --shard-tables, or give --loss nce, " +
    "sampled, mix or neg",
  ],
  [
    { ...SHARDED, "nce": true, "audit": "1" },
    "--audit needs the whole tables: leave it or --shard-tables out",
  ],
  [
    { ...SHARDED, "nce": true, "table-dtype": "f16" },
    "--shard-tables divides tables of f32: give --table-dtype f32",
  ],
  [
    { ...SHARDED, "nce": true, "sync-every": "2" },
    "--sync-every 2 needs the whole tables on each rank: leave it or --shard-tables out",
  ],
  ...Object.entries(COUNTS).flatMap(([name, most]) =>
    ["0", "-3", "1.5", "abc", "1e-3", "0x10", "Infinity", "1_000", " 7", String(most + 1)].map((
      text,
    ): [Given, string] => [
      { [name]: text },
      `--${name} must be a whole number from 1 to ${most}, got "${text}", ` +
      `for example --${name} ${defaultOf(name)}`,
    ])
  ),
  ...Object.entries(NUMBERS).flatMap(([name, [range, ...values]]) =>
    values.map((text): [Given, string] => [
      { [name]: text },
      `--${name} must be a number ${range}, got "${text}", for example --${name} ${
        defaultOf(name)
      }`,
    ])
  ),
  ...["-1", "9007199254740992"].map((text): [Given, string] => [
    { seed: text },
    `--seed must be a whole number from 0 to 9007199254740991, got "${text}", for example --seed 1111`,
  ]),
  [
    { "lr": "2", "weight-decay": "0.6", "train": true },
    "--weight-decay 0.6 takes more from a weight at each step than it has, at --lr 2: " +
    "their product must be at most 1",
  ],
  [
    { "lr": "0.1", "min-lr": "0.2" },
    "--min-lr 0.2 is over --lr 0.1, from which the learning rate falls: give a smaller one",
  ],
  ...["2", "0.01"].map((least): [Given, string] => [
    { "optimizer": "adam", "min-lr": least },
    `--min-lr ${least} is over --lr 0.005, from which the learning rate falls: give a smaller one`,
  ]),
  [
    { optimizer: "lion" },
    '--optimizer must be one of sgd, adagrad, rowwise-adagrad, adam, got "lion", for example --optimizer sgd',
  ],
  [
    { optimizer: "adamw" },
    '--optimizer must be one of sgd, adagrad, rowwise-adagrad, adam, got "adamw", for example --optimizer adam',
  ],
  [
    { noise: "batch+unigrams" },
    "--noise must be one of unigram, uniform, log-uniform, batch, batch+unigram, batch+uniform, " +
    'batch+log-uniform, got "batch+unigrams", for example --noise batch+unigram',
  ],
  ...["-1", "30001", "soon"].map((text): [Given, string] => [
    { "max-minutes": text },
    `--max-minutes must be a number from 0 to 30000, got "${text}"`,
  ]),
  [{ patience: "0" }, '--patience must be a whole number from 1 to 1000000000, got "0"'],
  [
    { warmup: "-1" },
    '--warmup must be a whole number from 0 to 1000000000, got "-1", for example --warmup 0',
  ],
  [
    { loss: "nec" },
    '--loss must be one of full, nce, sampled, mix, neg, got "nec", for example --loss neg',
  ],
  [
    { "index-module": "rnn" },
    '--index-module must be one of linear, gru, got "rnn", for example --index-module linear',
  ],
  [
    { noise: "bigram" },
    "--noise must be one of unigram, uniform, log-uniform, batch, batch+unigram, batch+uniform, " +
    'batch+log-uniform, got "bigram", for example --noise unigram',
  ],
  ...["sampled", "sampled:0", "sampled:-1", "sampled:1e9", "sampled:10000001", "ppl"].map((
    text,
  ): [Given, string] => [
    { evaluation: text },
    "--evaluation must be full, nce, loss or sampled:K with K from 1 to 10000000, " +
    `got "${text}", for example --evaluation full`,
  ]),
  ...["nine", "1e300", "-1001"].map((text): [Given, string] => [
    { "norm-term": text },
    "--norm-term must be auto, learned or a number from -1000 to 1000, " +
    `got "${text}", for example --norm-term auto`,
  ]),
  ...["..", "a\tb", "a/", "a/.."].map((text): [Given, string] => [
    { "tb-name": text },
    "--tb-name must be a file name without folders, of at most 200 bytes, got " +
    JSON.stringify(text),
  ]),
  [
    { "tb-name": "runs/b" },
    "--tb-name must be a file name without folders, of at most 200 bytes, got " +
    '"runs/b", for example --tb-name b',
  ],
  [
    { "table-dtype": "f16", "emsize": "25" },
    "--emsize 25 is odd, and --table-dtype f16 stores pairs of numbers: give an even one",
  ],
  [
    { "table-dtype": "f16", "distributed": true, "sync-every": "2" },
    "--sync-every 2 averages tables of f32: give --table-dtype f32",
  ],
  [{ resume: true }, "--resume goes on with a training: give --train too, or leave it out"],
  [{ quiet: true, verbose: true }, "--quiet and --verbose contradict: leave one out"],
  [
    { nce: true, loss: "full" },
    "--nce means --loss nce, but --loss full was given too: leave one out",
  ],
  ...["saved_model/b", "./a/b.safetensors", "a\\b"].map((text): [Given, string] => [
    { save: text },
    "--save must be a file name without folders, of at most 200 bytes, got " +
    `${JSON.stringify(text)}, for example --save b`,
  ]),
  ...["a/", "..", ".", ".safetensors", "a\nb", "ü".repeat(101)].map((
    text,
  ): [Given, string] => [
    { save: text },
    "--save must be a file name without folders, of at most 200 bytes, got " +
    `${JSON.stringify(text)}, for example --save model`,
  ]),
  [{ data: "--train" }, '--data needs a value, but the next word is "--train"'],
  [{ vocab: "" }, "--vocab needs a value; see --help"],
];

function defaultOf(name: string): string | undefined {
  return OPTIONS.find((option) => option.name === name)?.default;
}

function expectRefusal(given: Given, message: string): void {
  const error = assertThrows(() => parseSettings(given), UsageError);
  assertEquals(error.message, message);
}

Deno.test("parseSettings() names the option, the value and the cure when a value is wrong", () => {
  for (const [given, message] of REFUSALS) expectRefusal(given, message);
});
