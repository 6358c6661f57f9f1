/** Options without effect: an error if others cancel them, a remark if the run does not use them. */

import { toKebabCase } from "@std/text";
import { drawnFrom, isFromBatch, isSynthetic } from "./choices.ts";
import { UsageError } from "../shared/errors.ts";
import { scoringText } from "./evaluation_kind.ts";
import { flagOf, type Given, type Mode } from "./option.ts";
import { OPTIONS, type Settings } from "./options.ts";

type Name = keyof Settings;

/** Conditions, all required, under which an option has no effect: a value or a predicate per setting. */
type Idle = { readonly [N in Name]?: Settings[N] | ((setting: Settings[N]) => boolean) };

const FULL: Idle = { loss: "full" };
const GRU: Idle = { indexModule: "gru" };
const FROM_BATCH: Idle = { noise: isFromBatch };
const UNSAMPLED_TEST: Idle = { evaluation: (kind) => typeof kind !== "object" };
/** No samples are drawn, not even in the test. */
const UNDRAWN: Idle = { ...FULL, ...UNSAMPLED_TEST };
/** Only an IndexLinear's bias starts from the noise; with batch noise, from the word frequencies. */
const UNSEEN: readonly Idle[] = [{ ...GRU, ...UNDRAWN }, { ...UNDRAWN, ...FROM_BATCH }];
const NO_UNIGRAM: Idle = { noise: (noise) => drawnFrom(noise) !== "unigram" };
/** The norm term cancels or is not used, so only a penalty could train it. */
const UNSHIFTED: Idle = {
  loss: (loss) => loss !== "nce" && loss !== "mix",
  selfNorm: 0,
};
const LEARNED: Idle = { normTerm: "learned" };
const SYNTHETIC: Idle = { data: isSynthetic };
const STARTED: Idle = { start: (start) => start !== null };

/** When an option has no effect on a run that could use it. */
const IDLE: { readonly [N in Name]?: readonly Idle[] } = {
  vocab: [SYNTHETIC, STARTED],
  corpusMemory: [SYNTHETIC],
  minFreq: [SYNTHETIC, { vocab: (vocab) => vocab !== null }, STARTED],
  carryState: [{ concat: false }, GRU],
  tied: [GRU],
  nlayers: [{ ...GRU, nlayers: (nlayers) => nlayers !== 1 }],
  noiseRatio: [FULL, { noise: "batch" }],
  perWord: [UNDRAWN, FROM_BATCH, { unique: true }],
  noise: UNSEEN,
  noisePower: [NO_UNIGRAM, ...UNSEEN],
  noiseUniform: [NO_UNIGRAM, ...UNSEEN],
  unique: [{ loss: (loss) => loss !== "sampled" }, FROM_BATCH],
  removeHits: [{ loss: (loss) => loss !== "sampled", ...UNSAMPLED_TEST }],
  normTerm: [
    { ...UNSHIFTED, ...LEARNED },
    // No score or bias of such a model depends on the norm term, and its test is the loss.
    { ...GRU, ...UNSHIFTED, loss: "neg" },
  ],
  audit: [FULL],
  shardTables: [{ distributed: false }],
  rankTimeout: [{ distributed: false }],
  syncEvery: [{ distributed: false }],
  outerLr: [{ syncEvery: 1 }],
  outerMomentum: [{ syncEvery: 1 }],
  momentum: [{ optimizer: (optimizer) => optimizer !== "sgd" }],
  minLr: [{ lrDecay: 1 }],
};

/** The kind of run, by `--train` and `--prof`. */
export function modeOf({ train, prof }: Pick<Settings, "train" | "prof">): Mode {
  return prof ? "profile" : train ? "train" : "test";
}

/**
 * Rejects a given option that the others leave without effect.
 *
 * @throws {UsageError} Names the option and the reason.
 */
export function checkEffects(given: Given, settings: Settings): void {
  const [useless] = uselessOptions(given, settings);
  if (useless !== undefined) throw new UsageError(`${useless.text}: leave it out`);
}

/** A given option without effect. */
interface Useless {
  /** The name of its setting. */
  readonly name: Name;
  /** The option and the reason. */
  readonly text: string;
}

/** The given options that this kind of run uses, but that others leave without effect. */
export function uselessOptions(given: Given, settings: Settings): Useless[] {
  const mode = modeOf(settings);
  return (Object.keys(IDLE) as Name[])
    .filter((name) => isGiven(given, name) && isUsed(name, mode))
    .flatMap((name) => {
      const idle = idleness(name, settings);
      if (idle === undefined) return [];
      const text = `${shown(name, settings)} has no effect ${describe(idle, name, settings)}`;
      return [{ name, text }];
    });
}

/** The settings that leave an option without effect, if any do. */
export function idleness(name: Name, settings: Settings): Idle | undefined {
  return IDLE[name]?.find((others) =>
    (Object.keys(others) as Name[]).every((other) => holds(others, other, settings))
  );
}

/** Whether an option is given; a switch that is off counts as not given. */
function isGiven(given: Given, name: keyof typeof OPTIONS): boolean {
  const text = given[toKebabCase(name)];
  return text !== undefined && text !== false;
}

/**
 * A line that names the given options that this kind of run ignores. They are not an error: to test or
 * profile a model, users repeat the command line of its training.
 */
export function ignoredOptions(given: Given, settings: Settings): string | undefined {
  const mode = modeOf(settings);
  const unused = (Object.keys(OPTIONS) as (keyof typeof OPTIONS)[])
    .filter((name) => isGiven(given, name) && !isUsed(name, mode));
  if (unused.length === 0) return undefined;
  const where = mode === "test" ? "without --train; a saved model keeps its own" : "with --prof";
  return `warning: no effect ${where}: ${unused.map(flagOf).join(", ")}`;
}

function isUsed(name: keyof typeof OPTIONS, mode: Mode): boolean {
  return OPTIONS[name].modes?.includes(mode) ?? true;
}

function holds<N extends Name>(idle: Idle, name: N, settings: Settings): boolean {
  const wanted = idle[name];
  return typeof wanted === "function" ? wanted(settings[name]) : wanted === settings[name];
}

/** The other settings as text, such as `with --loss full` or `without --concat`. */
function describe(idle: Idle, own: Name, settings: Settings): string {
  const others = (Object.keys(idle) as Name[]).filter((name) => name !== own);
  const isOff = others.some((name) => settings[name] === false);
  const names = others.map((name) => shown(name, settings)).join(" and ");
  return `${isOff ? "without" : "with"} ${names}`;
}

/** An option with its value, as on the command line. */
export function shown(name: Name, settings: Settings): string {
  const setting = settings[name];
  if (typeof setting === "boolean") return flagOf(name);
  const text = typeof setting === "object" && setting !== null
    ? scoringText(setting)
    : String(setting);
  return `${flagOf(name)} ${/^[^\s"\p{C}]+$/u.test(text) ? text : JSON.stringify(text)}`;
}
