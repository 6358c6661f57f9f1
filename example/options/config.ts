/** Configuration files: options by name, as JSON with comments and trailing commas. */

import { toKebabCase } from "@std/text";
import { type AnyNode, type MemberNode, parse } from "@humanwhocodes/momoa";
import { reasonOf, UsageError } from "../shared/errors.ts";
import { nearestName } from "../shared/search.ts";
import { idleness } from "./effects.ts";
import { scoringText } from "./evaluation_kind.ts";
import { type Given, type Option, type OptionTable, readOption } from "./option.ts";
import { OPTIONS, type Settings } from "./options.ts";

/** Options for a single call of the program, not allowed in a file. */
const LINE_ONLY: readonly string[] = ["config", "debug"];
/** Options of a single run, left out of a file that repeats it. */
const UNWRITTEN: readonly string[] = [...LINE_ONLY, "resume"];

const TABLE: OptionTable = OPTIONS;
/** Options allowed in a file, with the names of their settings. */
const NAMES = new Map(
  Object.keys(TABLE).filter((setting) => !LINE_ONLY.includes(setting))
    .map((setting) => [toKebabCase(setting), setting]),
);

/** A position in a file. */
interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/**
 * The options that a file sets.
 *
 * @param path The file's name, for messages.
 * @throws {UsageError} One line, with the position of the first entry that is unknown or wrong.
 */
export function readConfig(path: string, text: string): Given {
  const failAt = ({ line, column }: TextPosition, what: string): never => {
    throw new UsageError(`${path}:${line}:${column}: ${what}`);
  };
  const given: Record<string, string | boolean> = {};
  for (const member of membersOf(text, failAt)) {
    const [name, setting] = optionOf(member, failAt), option = TABLE[setting]!;
    const value = valueOf(member, setting, option, failAt);
    const [own, ownValue] = option.shortFor ?? [name, value];
    if (option.shortFor !== undefined && value === false) continue;
    if (Object.hasOwn(given, own)) failAt(member.name.loc.start, `--${own} is set twice`);
    given[own] = ownValue;
  }
  return given;
}

type FailAt = (position: TextPosition, what: string) => never;

/** Parses the text as an object and returns its entries. */
function membersOf(text: string, failAt: FailAt): readonly MemberNode[] {
  try {
    const { body } = parse(text.replace(/^\uFEFF/, ""), {
      mode: "jsonc",
      allowTrailingCommas: true,
    });
    if (body.type === "Object") return body.members;
    return failAt(body.loc.start, 'must be an object of options, such as { "lr": 1 }');
  } catch (error) {
    if (!(error instanceof Error && "line" in error && "column" in error)) throw error;
    const position = { line: Number(error.line), column: Number(error.column) };
    return failAt(position, reasonOf(error).replace(/\.? *\(\d+:\d+\)$/, ""));
  }
}

/** The option set by an entry, and the name of its setting. */
function optionOf({ name: node }: MemberNode, failAt: FailAt): readonly [string, string] {
  const name = node.type === "String" ? node.value : node.name, setting = NAMES.get(name);
  if (setting !== undefined) return [name, setting];
  if (LINE_ONLY.includes(name)) {
    return failAt(node.loc.start, `--${name} belongs on the command line`);
  }
  const nearest = nearestName(name, [...NAMES.keys()]);
  const cure = nearest === undefined ? "see --help" : `did you mean ${JSON.stringify(nearest)}?`;
  return failAt(node.loc.start, `unknown option ${JSON.stringify(name)}; ${cure}`);
}

/** Checks an entry's value and returns it as on the command line. */
function valueOf(
  { value: node }: MemberNode,
  setting: string,
  option: Option,
  failAt: FailAt,
): string | boolean {
  const isSwitch = option.value === undefined;
  if (isSwitch && node.type === "Boolean") return node.value;
  const wants = isSwitch ? "true or false" : option.wants;
  if (isSwitch || (node.type !== "String" && node.type !== "Number")) {
    const what = `--${toKebabCase(setting)} must be ${wants}, got ${gist(node)}`;
    return failAt(node.loc.start, what);
  }
  const text = String(node.value);
  try {
    readOption(setting, option, text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    failAt(node.loc.start, error.message);
  }
  return text;
}

/** A value as text. */
function gist(node: AnyNode): string {
  if (node.type === "String" || node.type === "Number" || node.type === "Boolean") {
    return JSON.stringify(node.value);
  }
  return node.type === "Null" ? "null" : `an ${node.type.toLowerCase()}`;
}

/** Options by name, as in a file. */
export type Config = Readonly<Record<string, string | number | boolean>>;

/** All options that affect a run, to repeat it. */
export function configOf(settings: Settings): Config {
  const names = (Object.keys(settings) as (keyof Settings)[])
    .filter((name) => !UNWRITTEN.includes(name) && idleness(name, settings) === undefined);
  return Object.fromEntries(names.flatMap((name) => {
    const setting = settings[name], { value, absent } = OPTIONS[name];
    if (setting === null || (value !== undefined && setting === absent)) return []; // not given
    return [[toKebabCase(name), typeof setting === "object" ? scoringText(setting) : setting]];
  }));
}
