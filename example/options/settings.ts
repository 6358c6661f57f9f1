/** From the words of the command line to checked settings; knows neither Cliffy nor Deno. */

import { checkEffects, modeOf, type Texts, unusedWarning } from "./effects.ts";
import { UsageError } from "../shared/errors.ts";
import { type EvaluationKind, evaluationProblem } from "./evaluation_kind.ts";
import type { OptionSpec } from "./option_spec.ts";
import { OPTION_GROUPS } from "./options.ts";

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
  /** Maximum number of epochs. */
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

const SPECS: ReadonlyMap<string, OptionSpec> = new Map(
  OPTION_GROUPS.flatMap((group) => group.options).map((option) => [option.name, option]),
);
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
/** Bytes of the longest name, so that those of its files are file names, too. */
const MAX_NAME_BYTES = 200;

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
  const number = (name: string) => toNumber(name, text(name), "a number");
  const count = (name: string) => toCount(name, text(name));

  if (given["tb-name"] !== undefined) {
    throw new UsageError(
      `--tb-name ${quote(text("tb-name"))} is not available yet; every training run writes ` +
        "saved_model/NAME.metrics.jsonl",
    );
  }
  const loss = toLoss(given);
  // The default of two layers is the LSTM's: an IndexGRU has one.
  const oneLayer = text("index-module") === "gru" && given["nlayers"] === undefined;
  const settings: Settings = {
    train: has("train"),
    save: toName(text("save")),
    prof: has("prof"),
    cuda: has("cuda"),
    seed: count("seed"),
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
    nlayers: oneLayer ? 1 : count("nlayers"),
    dropout: number("dropout"),
    indexModule: toChoice("index-module", text("index-module"), INDEX_MODULES),
    loss,
    noiseRatio: count("noise-ratio"),
    perWord: has("per-word"),
    noise: toChoice("noise", text("noise"), NOISES),
    noisePower: number("noise-power"),
    noiseUniform: number("noise-uniform"),
    unique: has("unique"),
    removeHits: has("remove-hits"),
    selfNorm: number("self-norm"),
    evaluation: toEvaluation(given, loss),
    audit: given["audit"] === undefined ? 0 : count("audit"),
    normTerm: toNormTerm(text("norm-term")),
    epochs: count("epochs"),
    batchSize: count("batch-size"),
    lr: number("lr"),
    lrDecay: number("lr-decay"),
    clip: number("clip"),
    weightDecay: number("weight-decay"),
  };
  checkTogether(given, settings);
  return settings;
}

/** A line that names the given options which a run of this kind has no use for, if there are any. */
export function ignoredOptions(given: Given, settings: Settings): string | undefined {
  return unusedWarning((name) => given[name] !== undefined, modeOf(settings));
}

/** What has to do with several options. */
function checkTogether(given: Given, settings: Settings): void {
  const { train, loss, lr, weightDecay, evaluation } = settings;
  checkEffects((name) => given[name] !== undefined, textsOf(given, loss), modeOf(settings));
  if (lr * weightDecay > 1) {
    throw new UsageError(
      `--weight-decay ${weightDecay} takes more from a weight at each step than it has, at ` +
        `--lr ${lr}: their product must be at most 1`,
    );
  }
  // A saved model's own settings say how it can be tested.
  const problem = train ? evaluationProblem(settings, evaluation) : undefined;
  if (problem !== undefined) throw new UsageError(problem);
}

/** What the effects of options depend on; a number is written in one way only. */
function textsOf(given: Given, loss: Loss): Texts {
  const texts = [...SPECS.values()].map(({ name, value, default: standard = "" }) => {
    const text = String(given[name] ?? (value === undefined ? false : standard));
    return [name, NUMBER.test(text) ? String(Number(text)) : text];
  });
  return { ...Object.fromEntries(texts), loss };
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

/** A number within the range of the option. */
function toNumber(name: string, text: string, kind: string): number {
  const value = NUMBER.test(text) ? Number(text) : NaN;
  const [least, most] = SPECS.get(name)?.range ?? [-Infinity, Infinity];
  if (value >= least && value <= most) return value;
  throw new UsageError(wanted(name, `${kind} from ${least} to ${most}`, text));
}

function toCount(name: string, text: string): number {
  const value = toNumber(name, text, "a whole number");
  if (Number.isSafeInteger(value)) return value;
  const [least, most] = SPECS.get(name)?.range ?? [];
  throw new UsageError(wanted(name, `a whole number from ${least} to ${most}`, text));
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

function toEvaluation(given: Given, loss: Loss): EvaluationKind {
  if (given["evaluation"] === undefined && given["train"] === true && loss === "neg") return "loss";
  const text = valueOf(given, "evaluation");
  if (text === "full" || text === "nce" || text === "loss") return text;
  const samples = Number(/^sampled:(\d+)$/.exec(text)?.[1]);
  const [least, most] = SPECS.get("noise-ratio")?.range ?? [];
  if (samples >= least! && samples <= most!) return { sampled: samples };
  const kinds = `full, nce, loss or sampled:K with K from ${least} to ${most}`;
  throw new UsageError(wanted("evaluation", kinds, text));
}

function toNormTerm(text: string): Settings["normTerm"] {
  if (text === "auto" || text === "learned") return text;
  const value = toNumber("norm-term", text, "auto, learned or a number");
  return value === -1 ? "auto" : value;
}

/** A file name of its own: a path would put the model outside `saved_model`. */
function toName(text: string): string {
  const name = text.replace(/\.safetensors$/, "");
  if (!/^[^\\/:*?"<>|\p{Cc}]+$/u.test(name) || /^\.+$/.test(name)) {
    throw new UsageError(wanted("save", "a file name without folders", text));
  }
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    throw new UsageError(wanted("save", `a name of at most ${MAX_NAME_BYTES} bytes`, text));
  }
  return name;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
