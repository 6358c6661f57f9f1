/** Definition of an option: how its value is written and parsed, what it does, and which runs it affects. */

import { toKebabCase } from "@std/text";
import { UsageError } from "../shared/errors.ts";
import { nearestName } from "../shared/search.ts";

/** What a run does: train and test, test a saved model, or profile one training batch. */
export type Mode = "train" | "test" | "profile";

/** Runs that train. */
export const TRAINING: readonly Mode[] = ["train", "profile"];
/** Runs that train for some epochs. */
export const EPOCHS: readonly Mode[] = ["train"];
/** Runs that end with a test. */
export const RESULTS: readonly Mode[] = ["train", "test"];

/** What options may have in common. */
interface Traits {
  /** The runs that it affects; all unless given. */
  readonly modes?: readonly Mode[];
  /** Whether a resumed run may change the value: only if training stays the same. */
  readonly mayChange?: boolean;
  /** Whether versions before the option did what its default says: their files lack the setting. */
  readonly addedLater?: boolean;
}

/** Properties of every option. */
interface Description extends Traits {
  /** The default value. */
  readonly default?: string;
  /** What the option does, one sentence. */
  readonly help: string;
}

/** Properties of every option with a value. */
interface ValueDescription extends Description {
  /** Placeholder for the value in the help text. */
  readonly value: string;
  /** The setting without a value, if there is no default; null unless it is said here. */
  readonly absent?: unknown;
}

/** Inclusive limits of a number. */
export type Range = readonly [min: number, max: number];

/** One option, whose setting is a `T`; `never` if it has no setting of its own. */
export interface Option<T = unknown> extends Description {
  /** Placeholder for the value in the help text; a switch has none. */
  readonly value?: string;
  /** The limits of a number. */
  readonly range?: Range;
  /** Describes valid values. */
  readonly wants: string;
  /** The valid values, if they can be listed. */
  readonly choices?: readonly string[];
  /** Whether the value is the path of a file or a folder. */
  readonly isPath?: boolean;
  /** Whether the value is the name of a model in `saved_model`. */
  readonly isModel?: boolean;
  /** A valid value that a refused text may have meant. */
  readonly meant?: (text: string) => string | undefined;
  /** The option with its value that a switch is short for. */
  readonly shortFor?: readonly [name: string, text: string];
  /** The setting when the option is neither given nor has a default. */
  readonly absent?: T;
  /** Parses a text into a setting; undefined if it is invalid. */
  readonly read: (text: string) => T | undefined;
}

/** Options by the names of their settings: `minFreq` is set by `--min-freq`. */
export type OptionTable = Readonly<Record<string, Option>>;

/** The setting of an option. */
export type SettingOf<O> = O extends Option<infer T> ? T : never;

/** The settings that a table's options set. */
export type SettingsOf<Table extends OptionTable> = {
  readonly [
    Name in keyof Table as Table[Name] extends Option<never> ? never : Name
  ]: SettingOf<Table[Name]>;
};

/** Options as written on the command line: name (such as `min-freq`) to text, or true. */
export type Given = Readonly<Record<string, string | boolean | undefined>>;

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** An option without a value. */
export function flag(description: Description, absent = false): Option<boolean> {
  const read = (text: string) => text === "true" || (text === "false" ? false : undefined);
  return { ...description, wants: "true or false", absent, read };
}

/** A switch that abbreviates another option with a value. */
export function shorthand(name: string, text: string, description: Description): Option<never> {
  return { ...description, wants: "nothing", shortFor: [name, text], read: () => undefined };
}

/** The setting of an option with the description D and values T: null, too, if it may be left without one. */
type SetBy<T, D> = D extends { readonly default: string } | { readonly absent: T } ? T : T | null;

/** An option with a value of this kind. */
export function valued<T, D extends ValueDescription>(
  description: D,
  kind: Pick<Option<T>, "wants" | "read" | "range" | "choices" | "isPath" | "isModel" | "meant">,
): Option<SetBy<T, D>> {
  const absent = description.default === undefined && { absent: null };
  const option: Option = { ...absent, ...description, ...kind };
  return option as Option<SetBy<T, D>>;
}

/** A number. */
export function number<D extends ValueDescription>(
  [min, max]: Range,
  description: D,
): Option<SetBy<number, D>> {
  const read = (text: string) => {
    const value = DECIMAL.test(text) ? Number(text) : NaN;
    return value >= min && value <= max ? value : undefined;
  };
  const wants = `a number from ${min} to ${max}`;
  return valued<number, D>(description, { range: [min, max], wants, read });
}

/** A whole number. */
export function count<D extends ValueDescription>(
  range: Range,
  description: D,
): Option<SetBy<number, D>> {
  const { wants, ...plain } = number(range, description);
  const read = (text: string) => {
    const value = plain.read(text);
    return Number.isSafeInteger(value) ? value : undefined;
  };
  return { ...plain, wants: wants.replace("a number", "a whole number"), read };
}

/** One of some words. */
export function choice<const T extends string, D extends ValueDescription>(
  choices: readonly T[],
  description: D,
): Option<SetBy<T, D>> {
  const read = (text: string) => choices.find((choice) => choice === text);
  return valued<T, D>(description, { wants: `one of ${choices.join(", ")}`, choices, read });
}

/** One of some words, or a value that `other` accepts. */
export function wordOr<const T extends string, U>(
  words: readonly T[],
  other: Option<U>,
): Option<T | U> {
  const read = (text: string) => words.find((word) => word === text) ?? other.read(text);
  return { ...other, wants: `${words.join(", ")} or ${other.wants}`, choices: words, read };
}

/** The path of a file or a folder. */
export function path<D extends ValueDescription>(description: D): Option<SetBy<string, D>> {
  return valued<string, D>(description, { wants: "a path", isPath: true, read: (text) => text });
}

/** What `other` accepts, or the path of a file or a folder; a number that `other` refuses is none. */
export function orPath<T>(other: Option<T>): Option<T | string> {
  const read = (text: string) => other.read(text) ?? (DECIMAL.test(text) ? undefined : text);
  return { ...other, wants: `${other.wants} or a path`, isPath: true, read };
}

/** The same options, all with these traits but where one says otherwise. */
export function alike<Table extends OptionTable>(traits: Traits, table: Table): Table {
  const entries = Object.entries(table).map(([name, option]) => [name, { ...traits, ...option }]);
  return Object.fromEntries(entries) as Table;
}

/** An option's name on the command line, such as `--min-freq`, from its setting's name. */
export function flagOf(name: string): string {
  return `--${toKebabCase(name)}`;
}

/**
 * The given settings, and defaults for the others.
 *
 * @throws {UsageError} One line that names the option, the value and the cure.
 */
export function readOptions<Table extends OptionTable>(
  table: Table,
  given: Given,
): SettingsOf<Table> {
  const all = withShorthands(table, given);
  const entries = Object.entries(table)
    .map(([name, option]) => [name, readOption(name, option, all[toKebabCase(name)])])
    .filter(([, setting]) => setting !== undefined);
  return Object.fromEntries(entries) as SettingsOf<Table>;
}

/** The settings that a file of an earlier version may lack, with what such a file means. */
export function laterSettings(table: OptionTable): Readonly<Record<string, unknown>> {
  const later = Object.entries(table).filter(([, { mayChange, addedLater }]) =>
    mayChange || addedLater
  );
  return Object.fromEntries(
    later.map(([name, option]) => [name, readOption(name, option, undefined)]),
  );
}

/** Replaces each given switch that is an abbreviation by its full form. */
export function withShorthands(table: OptionTable, given: Given): Given {
  let all = given;
  for (const [name, { shortFor }] of Object.entries(table)) {
    if (shortFor === undefined || given[toKebabCase(name)] !== true) continue;
    const [long, text] = shortFor, other = given[long];
    if (other !== undefined && other !== text) {
      throw new UsageError(
        `${flagOf(name)} means --${long} ${text}, but --${long} ${other} was given too: ` +
          "leave one out",
      );
    }
    all = { ...all, [long]: text };
  }
  return all;
}

/**
 * One setting; undefined for an option without a setting.
 *
 * @throws {UsageError} One line that names the option, the value and the cure.
 */
export function readOption(name: string, option: Option, given: Given[string]): unknown {
  const { value, default: standard, absent, wants, choices = [] } = option;
  if (value === undefined) return given === undefined ? absent : option.read(String(given));
  const text = given ?? standard, flag = flagOf(name);
  if (text === undefined) return absent;
  if (typeof text !== "string" || text === "") {
    throw new UsageError(`${flag} needs a value; see --help`);
  }
  if (text.startsWith("--")) {
    throw new UsageError(`${flag} needs a value, but the next word is ${JSON.stringify(text)}`);
  }
  const setting = option.read(text);
  if (setting !== undefined) return setting;
  const meant = option.meant?.(text) ?? nearestName(text, choices) ?? standard;
  const hint = meant === undefined ? "" : `, for example ${flag} ${meant}`;
  throw new UsageError(`${flag} must be ${wants}, got ${JSON.stringify(text)}${hint}`);
}
