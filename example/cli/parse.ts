/** Parses the command line into a command, its options and its arguments. */

import type { LoadedCliffy } from "./cliffy.ts";
import { callOf, type CommandSpec, type Program } from "../options/command.ts";
import { flagOf, type Given, type OptionTable } from "../options/option.ts";
import { UsageError } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";
import { nearestName } from "../shared/search.ts";
import { helpOf } from "./help.ts";

/** A parsed command line. */
export interface Parsed {
  readonly command: CommandSpec;
  readonly given: Given;
  readonly words: readonly string[];
}

/**
 * Finds the command and parses its options with Cliffy.
 *
 * @param args The arguments; one `--`, which npm needs, is dropped.
 * @returns Undefined after printing help or the version.
 * @throws {UsageError} One line: the argument, and what to write instead.
 */
export async function parse(
  cliffy: LoadedCliffy,
  program: Program,
  args: readonly string[],
  io: Io,
): Promise<Parsed | undefined> {
  checkWords(args);
  const words = withoutDashes(args), command = commandOf(program, words);
  const options = optionsOf(command);
  const parts = split(command === program.root ? words : words.slice(1), options);
  checkOnce(parts.flags, options);
  const read = await readFlags(cliffy, program, command, parts.flags.flat(), io);
  if (read["help"] === true || read["version"] === true) return undefined;
  checkArguments(program, command, parts.others);
  return { command, given: toGiven(options, read), words: parts.others };
}

/** The command named by the first argument; the root if that is an option. */
function commandOf(program: Program, [first = ""]: readonly string[]): CommandSpec {
  const command = program.commands.find(({ name }) => name === first);
  if (command === undefined && /^[^-]/.test(first)) throw unknownCommand(program, first);
  return command ?? program.root;
}

/** Arguments after `--` are parsed as options, too. */
function withoutDashes(args: readonly string[]): readonly string[] {
  const at = args.indexOf("--");
  return at < 0 ? args : args.toSpliced(at, 1);
}

function optionsOf(command: CommandSpec): OptionTable {
  return Object.assign({}, ...command.groups.map(({ options }) => options));
}

/** A dash without a name makes one version of Cliffy fail. */
function checkWords(args: readonly string[]): void {
  const nameless = args.find((word) => /^-+=/.test(word));
  if (nameless !== undefined) throw unexpected(nameless);
}

/** No option takes an empty value, and versions of Cliffy read one differently. */
function checkFilled(option: string, value: string | undefined): void {
  if (value !== "" && !/^--[^=]+=$/.test(option)) return;
  throw new UsageError(`${option.replace(/=$/, "")} needs a value, but it is empty; see --help`);
}

/** Each option may be given once. */
function checkOnce(flags: readonly (readonly string[])[], options: OptionTable): void {
  const known = new Set(Object.keys(options).map(flagOf)), seen = new Map<string, string>();
  for (const words of flags) {
    const [flag = "", value = flag] = words.join("=").split(/=(.*)/s);
    const name = flag.replace(/^--no-/, "--"), before = seen.get(name);
    seen.set(name, value);
    if (before === undefined || !known.has(name)) continue;
    const values = before === value ? "" : `, ${before} and ${value}`;
    const cure = "config" in options ? "; what --config FILE sets may be given again" : "";
    throw new UsageError(`${name} is given twice${values}: leave one out${cure}`);
  }
}

/** Whether a flag takes a value. */
function isValued(flag: string, options: OptionTable): boolean {
  return Object.entries(options).some(([name, { value }]) =>
    value !== undefined && flagOf(name) === flag
  );
}

/** Options, each with its value, and the other arguments. */
function split(
  words: readonly string[],
  options: OptionTable,
): { flags: readonly (readonly string[])[]; others: readonly string[] } {
  const flags: string[][] = [], others: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--") return { flags, others: [...others, ...words.slice(i + 1)] };
    if (/^-[^-]./.test(word)) throw oneDash(word, options);
    if (!/^-./.test(word)) {
      others.push(word);
      continue;
    }
    const value = isValued(word, options) ? words[++i] : undefined;
    checkFilled(word, value);
    flags.push(value === undefined ? [word] : [word, value]);
  }
  return { flags, others };
}

/** Checks that the other words are the command's arguments. */
function checkArguments(program: Program, command: CommandSpec, words: readonly string[]): void {
  const isOpen = command.arguments.at(-1)?.repeated;
  const extra = isOpen ? undefined : words[command.arguments.length];
  if (extra !== undefined) {
    const isCommand = command === program.root &&
      program.commands.some(({ name }) => name === extra);
    const takesText = command.arguments.some(({ choices }) => choices === undefined);
    const rule = isCommand ? "a command comes first" : "words that belong together need quotes";
    throw unexpected(extra, isCommand || takesText ? rule : undefined);
  }
  for (const [i, word] of words.entries()) {
    const { name, mayBeEmpty } = command.arguments[i] ?? command.arguments.at(-1)!;
    if (word === "" && !mayBeEmpty) throw new UsageError(`<${name}> is empty; see --help`);
  }
  for (const [i, { name, choices, optional = false }] of command.arguments.entries()) {
    const word = words[i], listed = choices === undefined ? "" : `, one of ${choices.join(", ")}`;
    if (word === undefined && !optional) {
      throw new UsageError(`${callOf(program, command)} needs <${name}>${listed}; see --help`);
    }
    if (word === undefined || (choices?.includes(word) ?? true)) continue;
    throw new UsageError(`<${name}> must be${listed.slice(1)}, got ${JSON.stringify(word)}`);
  }
}

function unexpected(word: string, rule = "every option begins with --"): UsageError {
  return new UsageError(`Unexpected argument ${JSON.stringify(word)}: ${rule}; see --help`);
}

/** An option written with one dash, which Cliffy would take for several of one letter. */
function oneDash(word: string, options: OptionTable): UsageError {
  const names = [...Object.keys(options).map((name) => flagOf(name).slice(2)), "help", "version"];
  const meant = nearestName(word.slice(1).replace(/=.*/, ""), names);
  return meant === undefined
    ? unexpected(word)
    : new UsageError(`Unknown option ${JSON.stringify(word)}. Did you mean option "--${meant}"?`);
}

/** Suggests the command or option that was probably meant. */
function unknownCommand(program: Program, word: string): UsageError {
  const options = Object.keys(optionsOf(program.root)).map(flagOf);
  const names = [...program.commands.map(({ name }) => name), "--help", "--version", ...options];
  const bare = names.map((name) => name.replace(/^--/, "")), nearest = nearestName(word, bare);
  if (nearest === undefined) return unexpected(word);
  const meant = JSON.stringify(names[bare.indexOf(nearest)]);
  return new UsageError(`Unknown command ${JSON.stringify(word)}. Did you mean ${meant}?`);
}

/** Parses the options with Cliffy; prints help and version. */
async function readFlags(
  cliffy: LoadedCliffy,
  program: Program,
  command: CommandSpec,
  flags: readonly string[],
  io: Io,
): Promise<Readonly<Record<string, unknown>>> {
  const { name } = program.root;
  const parser = new cliffy.Command()
    .name(name)
    // Cliffy's own help has a fixed width, so the terminal would break words.
    .helpOption("-h, --help", "", {
      standalone: false,
      action: () => io.out(helpOf(program, command, io.columns)),
    })
    .noExit();
  if (command === program.root) {
    parser.version(program.version).versionOption("-V, --version", "", () => {
      io.out(`${name} ${program.version}\ndeno ${Deno.version.deno}\ncliffy ${cliffy.VERSION}`);
    });
  }
  for (const [name, { value }] of Object.entries(optionsOf(command))) {
    parser.option(value === undefined ? flagOf(name) : `${flagOf(name)} <${value}:string>`, "");
    if (value === undefined) parser.option(`--no-${flagOf(name).slice(2)}`, "");
  }
  try {
    const { options }: { options: unknown } = await parser.parse([...flags]);
    return options as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (!(error instanceof Error && error instanceof cliffy.ValidationError)) throw error;
    throw new UsageError(oneLine(error.message));
  }
}

/** Cliffy's message as one line. */
function oneLine(message: string): string {
  const line = message.replace(/\s+/g, " ");
  return line.endsWith("?") ? line : `${line.replace(/\.$/, "")}; see --help`;
}

/** Converts Cliffy's camel-case names back to those of the command line. */
function toGiven(options: OptionTable, read: Readonly<Record<string, unknown>>): Given {
  const given: Record<string, string | boolean> = {};
  for (const name of Object.keys(options)) {
    const word = read[name];
    if (typeof word === "string" || typeof word === "boolean") given[flagOf(name).slice(2)] = word;
  }
  return given;
}
