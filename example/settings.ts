/** From the words of the command line to checked settings; knows neither Cliffy nor Deno. */

import { UsageError } from "./errors.ts";
import { OPTION_GROUPS } from "./options.ts";
import type { OptionSpec } from "./options.ts";

/** Training losses, as `--loss` spells them. */
export const LOSSES = ["full", "nce", "sampled", "mix"] as const;
/** Index modules, as `--index-module` spells them. */
export const INDEX_MODULES = ["linear", "gru"] as const;

/** A training loss. */
export type Loss = typeof LOSSES[number];
/** What scores a word. */
export type IndexModule = typeof INDEX_MODULES[number];

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
  /** Noise samples, K. */
  readonly noiseRatio: number;
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
  if (has("carry-state") && !has("concat")) {
    throw new UsageError("--carry-state needs --concat: give both, or neither");
  }
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
    nlayers: count("nlayers"),
    dropout: number("dropout", { min: 0, below: 1 }),
    indexModule: toIndexModule(text("index-module")),
    loss: toLoss(given),
    noiseRatio: count("noise-ratio"),
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

function toIndexModule(text: string): IndexModule {
  const module = toChoice("index-module", text, INDEX_MODULES);
  if (module === "gru") {
    throw new UsageError("--index-module gru is not available yet: leave it out, or give linear");
  }
  return module;
}

function toNormTerm(text: string): Settings["normTerm"] {
  if (text === "auto") return "auto";
  if (text === "learned") {
    throw new UsageError("--norm-term learned is not available yet: give a number or auto");
  }
  const value = toNumber("norm-term", text, {}, "a number or auto");
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
