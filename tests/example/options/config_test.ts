/** Configuration files: what they set, what the command line changes, and where each mistake is. */

import { assertEquals, assertThrows } from "@std/assert";
import { configOf, readConfig } from "../../../example/options/config.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { UsageError } from "../../../example/shared/errors.ts";

const FILE = "a.json";

/** Wrong files, each with what is said of them after the file's name. */
const REFUSALS: readonly (readonly [text: string, message: string])[] = [
  ['{\n  "lrr": 1\n}', '2:3: unknown option "lrr"; did you mean "lr"?'],
  ['{"batchSize": 1}', '1:2: unknown option "batchSize"; did you mean "batch-size"?'],
  ['{"x": 1, "y": 2}', '1:2: unknown option "x"; see --help'],
  ['{"": 1}', '1:2: unknown option ""; see --help'],
  [
    '{\n  // too large\n  "dropout":\n    1.5\n}',
    '4:5: --dropout must be a number from 0 to 0.999, got "1.5", for example --dropout 0.2',
  ],
  [
    '{"epochs": 1e400}',
    '1:12: --epochs must be a whole number from 1 to 1000000, got "Infinity", ' +
    "for example --epochs 40",
  ],
  [
    '{"loss": "nec"}',
    '1:10: --loss must be one of full, nce, sampled, mix, neg, got "nec", ' +
    "for example --loss neg",
  ],
  ['{"bptt": [35]}', "1:10: --bptt must be a whole number from 1 to 1000000, got an array"],
  ['{"bptt": true}', "1:10: --bptt must be a whole number from 1 to 1000000, got true"],
  ['{"vocab": null}', "1:11: --vocab must be a path, got null"],
  ['{"save": ""}', "1:10: --save needs a value; see --help"],
  ['{"train": "yes"}', '1:11: --train must be true or false, got "yes"'],
  ['{"nce": 1}', "1:9: --nce must be true or false, got 1"],
  ['{"lr": 1,\n "lr": 1}', "2:2: --lr is set twice"],
  ['{"loss": "nce",\r\n"nce": true}', "2:1: --loss is set twice"],
  ['{"config": "b.json"}', "1:2: --config belongs on the command line"],
  ['{"debug": true}', "1:2: --debug belongs on the command line"],
  ['{"lr": 1\n "clip": 1}', "2:2: Unexpected token String found"],
  ["{train: true}", "1:2: Unexpected identifier 'train' found"],
  ["", "1:1: Unexpected end of input found"],
  ["[]", '1:1: must be an object of options, such as { "lr": 1 }'],
];

Deno.test("readConfig() names the file, the line, the column and the cure of every mistake", () => {
  for (const [text, message] of REFUSALS) {
    const error = assertThrows(() => readConfig(FILE, text), UsageError);
    assertEquals(error.message, `${FILE}:${message}`, text);
  }
});

Deno.test("readConfig() reads numbers, words and switches, with comments and trailing commas", () => {
  const text = `\uFEFF// mine
  {
    "train": true, "concat": false, /* short for --loss nce */ "nce": true,
    "lr": 5e-1, "norm-term": "auto", "noise-ratio": "25", "data": "my \\u0074ext",
  }`;
  const given = readConfig(FILE, text);
  assertEquals(given, {
    ...{ "train": true, "concat": false, "loss": "nce" },
    ...{ "lr": "0.5", "norm-term": "auto", "noise-ratio": "25", "data": "my text" },
  });
  const { train, concat, loss, lr, normTerm, noiseRatio, data } = parseSettings({}, given);
  assertEquals([train, concat, loss, lr, normTerm, noiseRatio, data], [
    ...[true, false, "nce", 0.5, "auto", 25, "my text"],
  ]);
  assertEquals(readConfig(FILE, '{"nce": false, "loss": "mix"}'), { loss: "mix" });
});

/** Settings of a file and of a command line, and what is warned of. */
function together(config: Given, given: Given): [ReturnType<typeof parseSettings>, string[]] {
  const lines: string[] = [];
  return [parseSettings(given, config, (line) => lines.push(line)), lines];
}

Deno.test("the command line wins over a file, and takes away what has no effect any longer", () => {
  const file: Given = {
    ...{ "train": true, "loss": "nce", "noise-ratio": "7", "audit": "5", "per-word": true },
    ...{ "self-norm": "0", "lr": "0.5", "epochs": "3" },
  };
  assertEquals(together(file, {})[1], []);
  const [given, none] = together(file, { "loss": "mix", "lr": "2", "train": false });
  assertEquals([given.loss, given.lr, given.epochs, given.train], ["mix", 2, 3, false]);
  assertEquals(none, []);
  assertEquals(together({ loss: "full", train: true }, { nce: true })[0].loss, "nce");
  const [full, lines] = together(file, { loss: "full" });
  assertEquals([full.noiseRatio, full.audit, full.perWord], [50, 0, false]);
  assertEquals(lines.sort(), [
    "--audit 5 has no effect with --loss full",
    "--noise-ratio 7 has no effect with --loss full",
    "--per-word has no effect with --loss full and --evaluation full",
  ]);
  // On the command line it is refused, as ever.
  const refused = () => parseSettings({ "noise-ratio": "9" }, { train: true, loss: "full" });
  assertThrows(refused, UsageError, "--noise-ratio 9 has no effect with --loss full: leave it out");
});

/** Runs of all kinds. */
const RUNS: readonly Given[] = [
  {},
  { nce: true, vocab: "words", data: "text", audit: "5" },
  { "index-module": "gru", "loss": "neg" },
  { "loss": "sampled", "unique": true, "evaluation": "sampled:50", "norm-term": "-1" },
  { "loss": "nce", "norm-term": "learned", "self-norm": "1e-3", "weight-decay": "1e-7" },
  { "optimizer": "adam", "warmup": "9", "patience": "2", "max-minutes": "0.5" },
  { "optimizer": "adagrad", "min-lr": "1e-3", "lr-decay": "3" },
  { seed: "9007199254740991", concat: true, "carry-state": true, "tb-name": "x", quiet: true },
];

Deno.test("configOf() gives a file from which the same settings are read, without a warning", () => {
  for (const run of RUNS) {
    const given: Given = { train: true, ...run };
    const settings = parseSettings({ ...given, resume: true, debug: true, config: "b.json" });
    const config = readConfig(FILE, JSON.stringify(configOf(settings)));
    assertEquals(together(config, {}), [parseSettings(given), []]);
  }
  // What has no effect is left out, as what was not given is.
  const names = Object.keys(configOf(parseSettings({ train: true, "weight-decay": "0" })));
  const all = ["weight-decay", "lr", "noise-ratio", "outer-lr", "vocab", "resume", "config"];
  assertEquals(all.filter((name) => names.includes(name)), ["weight-decay", "lr"]);
});
