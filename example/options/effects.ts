/** Options without effect: refused where they contradict others, told where the run has no use for them. */

import { UsageError } from "../shared/errors.ts";
import type { Idle, Mode, OptionSpec } from "./option_spec.ts";
import { OPTION_GROUPS } from "./options.ts";

const OPTIONS: readonly OptionSpec[] = OPTION_GROUPS.flatMap(({ options }) => options);

/** The text of each option: what was given, its default, `true` or `false` of a switch, or none. */
export type Texts = Readonly<Record<string, string>>;

/** What a run is that was given `--train` or `--prof`, or neither. */
export function modeOf({ train, prof }: { train: boolean; prof: boolean }): Mode {
  return prof ? "profile" : train ? "train" : "test";
}

/**
 * Refuses a given option that has no effect beside the others.
 *
 * @throws {UsageError} The option and what takes its effect away.
 */
export function checkEffects(isGiven: (name: string) => boolean, texts: Texts, mode: Mode): void {
  for (const option of OPTIONS) {
    if (!isGiven(option.name) || !isUsed(option, mode)) continue;
    const idle = option.idle?.find((others) => matches(others, texts));
    if (idle === undefined) continue;
    throw new UsageError(
      `${shown(option, texts)} has no effect ${describe(idle, option, texts)}: leave it out`,
    );
  }
}

/**
 * Names the given options that a run of this kind has no use for. They are no mistake: whoever tests or
 * measures a model repeats the command line of its training.
 */
export function unusedWarning(isGiven: (name: string) => boolean, mode: Mode): string | undefined {
  const unused = OPTIONS.filter((option) => isGiven(option.name) && !isUsed(option, mode));
  if (unused.length === 0) return undefined;
  const where = mode === "test" ? "without --train; a saved model keeps its own" : "with --prof";
  return `warning: no effect ${where}: ${unused.map(({ name }) => `--${name}`).join(", ")}`;
}

function isUsed({ modes }: OptionSpec, mode: Mode): boolean {
  return modes === undefined || modes.includes(mode);
}

function matches(idle: Idle, texts: Texts): boolean {
  return Object.entries(idle).every(([name, pattern]) => pattern.test(texts[name] ?? ""));
}

/** The others in words, such as `with --loss full` or `without --concat`. */
function describe(idle: Idle, { name: own }: OptionSpec, texts: Texts): string {
  const others = OPTIONS.filter(({ name }) => name in idle && name !== own);
  const isOff = others.some(({ name }) => texts[name] === "false");
  const names = others.map((other) => shown(other, texts)).join(" and ");
  return `${isOff ? "without" : "with"} ${names}`;
}

function shown({ name, value }: OptionSpec, texts: Texts): string {
  if (value === undefined) return `--${name}`;
  const text = texts[name] ?? "";
  return `--${name} ${/^[^\s"\p{C}]+$/u.test(text) ? text : JSON.stringify(text)}`;
}
