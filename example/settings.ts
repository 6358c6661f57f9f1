/** From the words of the command line to checked settings; knows neither Cliffy nor Deno. */

import { UsageError } from "./errors.ts";
import { OPTION_GROUPS } from "./options.ts";
import type { OptionSpec } from "./options.ts";

/** Training losses, as `--loss` spells them. */
export const LOSSES = ["full", "nce", "sampled", "mix", "neg"] as const;
/** Noise sources, as `--noise` spells them; `batch` may be joined with another by `+`. */
export const NOISES = [
  "unigram",
  "uniform",
  "log-uniform",
  "batch",
  "batch+unigram",
  "batch+uniform",
  "batch+log-uniform",
] as const;
/** Index modules, as `--index-module` spells them. */
export const INDEX_MODULES = ["linear", "gru"] as const;

/** A training loss. */
export type Loss = typeof LOSSES[number];
/** What scores a word. */
export type IndexModule = typeof INDEX_MODULES[number];

/** Where noise comes from. */
export type NoiseName = typeof NOISES[number];
/** How a test is scored. */
export type EvaluationKind = "full" | "nce" | "loss" | { readonly sampled: number };

/** Where models are saved, in the folder where the program is started. */
export const MODEL_FOLDER = "saved_model";

/** One run of the word language model: every option with its checked value. */
export interface Settings {
  /** Train; otherwise evaluate the saved model. */
  readonly train: boolean;
  /** Name of the model, used in `saved_model/NAME.safetensors`. */
  readonly save: string;
  /** Run one batch and print where the time went. */
  readonly prof: boolean;
  /** Insist on a hardware GPU. */
  readonly cuda: boolean;
  /** Random seed, 0 to 2^53 - 1. */
  readonly seed: number;
  /** Batches between two reports. */
  readonly logInterval: number;
  /** Show stack traces. */
  readonly debug: boolean;
  /** Folder of the text, or `synthetic[:words=...,vocab=...,seed=...]`. */
  readonly data: string;
  /** Vocabulary file, or null for the words of the training text. */
  readonly vocab: string | null;
  /** Words seen fewer times become `<unk>`. */
  readonly minFreq: number;
  /** Train on the joined text. */
  readonly concat: boolean;
  /** Longest training sequence. */
  readonly bptt: number;
  /** Carry the hidden state between pieces of the joined text. */
  readonly carryState: boolean;
  /** Size of the word embeddings, E. */
  readonly emsize: number;
  /** Hidden units per layer, H. */
  readonly nhid: number;
  /** Number of layers. */
  readonly nlayers: number;
  /** Dropout rate, at least 0 and below 1. */
  readonly dropout: number;
  /** What scores a word. */
  readonly indexModule: IndexModule;
  /** Training loss. */
  readonly loss: Loss;
  /** Noise samples for a target, k. */
  readonly noiseRatio: number;
  /** Draw noise for every target. */
  readonly perWord: boolean;
  /** Where noise comes from. */
  readonly noise: NoiseName;
  /** Exponent of the counts in unigram noise. */
  readonly noisePower: number;
  /** Part of uniform noise mixed into unigram noise. */
  readonly noiseUniform: number;
  /** Draw different samples. */
  readonly unique: boolean;
  /** Leave out samples that equal the target. */
  readonly removeHits: boolean;
  /** Weight of the self-normalisation penalty. */
  readonly selfNorm: number;
  /** How the test is scored. */
  readonly evaluation: EvaluationKind;
  /** Steps between two gradient audits, or 0 for none. */
  readonly audit: number;
  /** Assumed log of the normalising constant; `auto` is the log of the vocabulary size. */
  readonly normTerm: number | "auto" | "learned";
  /** Most passes over the training text. */
  readonly epochs: number;
  /** Sequences in a batch, B. */
  readonly batchSize: number;
  /** Initial learning rate. */
  readonly lr: number;
  /** Divides the learning rate when validation does not improve. */
  readonly lrDecay: number;
  /** Largest global norm of the gradients. */
  readonly clip: number;
  /** Weight decay. */
  readonly weightDecay: number;
}

/** What was written on the command line: option name (such as `min-freq`) to its text, or true. */
export type Given = Readonly<Record<string, string | boolean | undefined>>;

/** Limits of a number; all of them are optional. */
interface Range {
  readonly min?: number;
  readonly above?: number;
  readonly max?: number;
  readonly below?: number;
}

const SPECS: ReadonlyMap<string, OptionSpec> = new Map(
  OPTION_GROUPS.flatMap((group) => group.options).map((option) => [option.name, option]),
);
const MAX_COUNT = 2 ** 31 - 1;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Checks the options and fills in the defaults.
 *
 * @param given Option texts by option name; an option that is absent takes its default.
 * @returns The settings of the run.
 * @throws {UsageError} One line that names the option, the value and the cure.
 */
export function parseSettings(given: Given): Settings {
  const has = (name: string) => given[name] === true;
  const text = (name: string) => valueOf(given, name);
  const number = (name: string, range: Range) => toNumber(name, text(name), range, "a number");
  const count = (name: string) => toCount(name, text(name), 1, MAX_COUNT);

  if (given["tb-name"] !== undefined) {
    throw new UsageError(
      `--tb-name ${quote(text("tb-name"))} is not available yet; every training run writes ` +
        "saved_model/NAME.metrics.jsonl",
    );
  }
  if (text("index-module") === "gru" && given["nlayers"] !== undefined && text("nlayers") !== "1") {
    throw new UsageError("--index-module gru has one layer: leave out --nlayers, or give 1");
  }
  if (has("carry-state") && text("index-module") === "gru") {
    throw new UsageError("--carry-state goes with --index-module linear only: leave one out");
  }
  if (has("carry-state") && !has("concat")) {
    throw new UsageError("--carry-state needs --concat: give both, or neither");
  }
  const loss = toLoss(given);
  checkNoise(given, loss);
  return {
    train: has("train"),
    save: toName(text("save")),
    prof: has("prof"),
    cuda: has("cuda"),
    seed: toCount("seed", text("seed"), 0, Number.MAX_SAFE_INTEGER),
    logInterval: count("log-interval"),
    debug: has("debug"),
    data: text("data"),
    vocab: given["vocab"] === undefined ? null : text("vocab"),
    minFreq: count("min-freq"),
    concat: has("concat"),
    bptt: count("bptt"),
    carryState: has("carry-state"),
    emsize: count("emsize"),
    nhid: count("nhid"),
    // The default of two layers is the LSTM's: an IndexGRU has one.
    nlayers: text("index-module") === "gru" ? 1 : count("nlayers"),
    dropout: number("dropout", { min: 0, below: 1 }),
    indexModule: toChoice("index-module", text("index-module"), INDEX_MODULES),
    loss,
    noiseRatio: count("noise-ratio"),
    perWord: has("per-word"),
    noise: toChoice("noise", text("noise"), NOISES),
    noisePower: number("noise-power", {}),
    noiseUniform: number("noise-uniform", { min: 0, max: 1 }),
    unique: has("unique"),
    removeHits: has("remove-hits"),
    selfNorm: number("self-norm", { min: 0 }),
    evaluation: toEvaluation(given, loss),
    audit: given["audit"] === undefined ? 0 : count("audit"),
    normTerm: toNormTerm(text("norm-term")),
    epochs: count("epochs"),
    batchSize: count("batch-size"),
    lr: number("lr", { above: 0 }),
    lrDecay: number("lr-decay", { min: 1 }),
    clip: number("clip", { above: 0 }),
    weightDecay: number("weight-decay", { min: 0 }),
  };
}

/** The text of an option, or its default; an option in the place of a value is caught here. */
function valueOf(given: Given, name: string): string {
  const value = given[name] ?? SPECS.get(name)?.default;
  if (typeof value !== "string" || value === "") {
    throw new UsageError(`--${name} needs a value; see --help`);
  }
  if (value.startsWith("--")) {
    throw new UsageError(`--${name} needs a value, but the next word is ${quote(value)}`);
  }
  return value;
}

function toNumber(name: string, text: string, range: Range, kind: string): number {
  const value = NUMBER.test(text) ? Number(text) : NaN;
  const fits = value >= (range.min ?? -Infinity) && value <= (range.max ?? Number.MAX_VALUE) &&
    value > (range.above ?? -Infinity) && value < (range.below ?? Infinity);
  if (!fits) throw new UsageError(wanted(name, `${kind}${describe(range, value)}`, text));
  return value;
}

function toCount(name: string, text: string, min: number, max: number): number {
  const value = toNumber(name, text, { min, max }, "a whole number");
  if (!Number.isSafeInteger(value)) {
    throw new UsageError(wanted(name, `a whole number${describe({ min, max }, value)}`, text));
  }
  return value;
}

/** The limits in words; the greatest count is only worth a word to those who passed it. */
function describe({ min, above, max, below }: Range, value: number): string {
  const limits = [
    min === undefined ? "" : `of at least ${min}`,
    above === undefined ? "" : `above ${above}`,
    max === undefined || !(value > max) ? "" : `at most ${max}`,
    below === undefined ? "" : `below ${below}`,
  ].filter((limit) => limit !== "");
  return limits.length === 0 ? "" : ` ${limits.join(" and ")}`;
}

/** The message for a value that does not fit, with the default as an example of one that does. */
function wanted(name: string, what: string, text: string): string {
  const example = SPECS.get(name)?.default;
  const hint = example === undefined ? "" : `, for example --${name} ${example}`;
  return `--${name} must be ${what}, got ${quote(text)}${hint}`;
}

function toChoice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) {
    throw new UsageError(wanted(name, `one of ${choices.join(", ")}`, text));
  }
  return choice;
}

function toLoss(given: Given): Loss {
  const loss = toChoice("loss", valueOf(given, "loss"), LOSSES);
  if (given["nce"] !== true || loss === "nce") return loss;
  if (given["loss"] === undefined) return "nce";
  throw new UsageError(`--nce means --loss nce, but --loss ${loss} was given too: leave one out`);
}

/** Options that only suit some losses or some noise. */
function checkNoise(given: Given, loss: Loss): void {
  const noise = valueOf(given, "noise");
  const only = (name: string, suits: boolean, where: string) => {
    if (given[name] !== undefined && !suits) {
      throw new UsageError(`--${name} goes with ${where} only: leave it out, or change the other`);
    }
  };
  only("unique", loss === "sampled", "--loss sampled");
  only("remove-hits", loss === "sampled", "--loss sampled");
  only("per-word", !noise.startsWith("batch") && given["unique"] !== true, "independent noise");
  only("unique", !noise.startsWith("batch"), "noise that is drawn");
  only("noise-power", noise.endsWith("unigram"), "--noise unigram");
  only("noise-uniform", noise.endsWith("unigram"), "--noise unigram");
  only("audit", loss !== "full", "a sampled loss");
}

function toEvaluation(given: Given, loss: Loss): EvaluationKind {
  const text = given["evaluation"] === undefined && loss === "neg"
    ? "loss"
    : valueOf(given, "evaluation");
  if (loss === "neg" && text !== "loss") {
    throw new UsageError(
      `--evaluation ${text} does not go with --loss neg, whose scores are no probabilities and have no ` +
        "perplexity: leave it out, or give loss",
    );
  }
  if (text === "full" || text === "nce" || text === "loss") return text;
  const samples = /^sampled:(\d+)$/.exec(text)?.[1];
  if (samples !== undefined) {
    return { sampled: toCount("evaluation sampled:K", samples, 1, MAX_COUNT) };
  }
  throw new UsageError(wanted("evaluation", "full, nce, sampled:K or loss", text));
}

function toNormTerm(text: string): Settings["normTerm"] {
  if (text === "auto") return "auto";
  if (text === "learned") return text;
  const value = toNumber("norm-term", text, {}, "a number, auto or learned");
  return value === -1 ? "auto" : value;
}

/** A file name of its own: a path would put the model outside `saved_model`. */
function toName(text: string): string {
  const name = text.replace(/\.safetensors$/, "");
  if (!/^[^\\/:*?"<>|\p{Cc}]+$/u.test(name) || /^\.+$/.test(name)) {
    throw new UsageError(wanted("save", "a file name without folders", text));
  }
  return name;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
