/**
 * The command line: turns words into settings and runs the word language model. Exit codes: 0 done,
 * 1 failed, 2 wrong use.
 */

import config from "./deno.json" with { type: "json" };
import { Failure, UsageError } from "./example/shared/errors.ts";
import { helpText } from "./example/commands/help.ts";
import { consoleIo } from "./example/shared/io.ts";
import type { Io } from "./example/shared/io.ts";
import { OPTION_GROUPS } from "./example/options/options.ts";
import { askPermissions } from "./example/commands/permissions.ts";
import { ignoredOptions, parseSettings } from "./example/options/settings.ts";
import type { Given, Settings } from "./example/options/settings.ts";
import { loadCliffy } from "./example/cli/cliffy.ts";
import type { LoadedCliffy } from "./example/cli/cliffy.ts";
import { prepareDriver } from "./example/shared/driver.ts";

/** Does what the settings say. */
export type Run = (settings: Settings, io: Io) => Promise<void>;

const NAME = "nce";
const DESCRIPTION =
  "Trains and evaluates a word language model whose large softmax is learned by " +
  "noise contrastive estimation, on the GPU through WebGPU.";
const EXAMPLES = [
  { term: `${NAME} --train --nce --data data/penn`, text: "Train with NCE." },
  { term: `${NAME} --data data/penn`, text: "Evaluate the model." },
];

/**
 * The whole program but for the end of the process.
 *
 * @param args Words of the command line; one `--`, which npm's users put there, is dropped.
 * @param io Where output goes.
 * @param run What valid settings are given to; loaded only then, as it needs a GPU.
 * @returns The exit code.
 */
export async function main(args: readonly string[], io: Io, run?: Run): Promise<number> {
  try {
    const settings = await parse(withoutDashes(args), io);
    if (settings === undefined) return 0;
    await askPermissions(settings);
    prepareDriver();
    await (run ?? (await import("./example/commands/run.ts")).run)(settings, io);
    return 0;
  } catch (error) {
    return report(error, args.includes("--debug"), io);
  }
}

/** Everything after `--` is an option, too: the program takes nothing else. */
function withoutDashes(args: readonly string[]): readonly string[] {
  const at = args.indexOf("--");
  return at < 0 ? args : args.toSpliced(at, 1);
}

/** The help text for a terminal of so many columns. */
export function helpOf(columns: number): string {
  return helpText({
    name: NAME,
    version: config.version,
    description: DESCRIPTION,
    examples: EXAMPLES,
    columns,
  });
}

/** The settings, or undefined when the words asked for help or the version, which was printed. */
async function parse(args: readonly string[], io: Io): Promise<Settings | undefined> {
  const cliffy = await loadCliffy();
  checkWords(args);
  try {
    const { options, literal }: { options: unknown; literal: readonly string[] } =
      await buildCommand(cliffy, io).parse([...args]);
    const words = options as Readonly<Record<string, unknown>>;
    if (words["help"] === true || words["version"] === true) return undefined;
    if (literal.length > 0) throw new UsageError(unexpected(literal[0] ?? ""));
    const given = toGiven(words), settings = parseSettings(given);
    const warning = ignoredOptions(given, settings);
    if (warning !== undefined) io.err(warning);
    return settings;
  } catch (error) {
    if (!(error instanceof Error && error instanceof cliffy.ValidationError)) throw error;
    throw new UsageError(explain(error, args));
  }
}

function buildCommand(cliffy: LoadedCliffy, io: Io) {
  const command = new cliffy.Command()
    .name(NAME)
    .version(config.version)
    .versionOption("-V, --version", "Show the versions of the program, Deno and Cliffy.", () => {
      io.out(`${NAME} ${config.version}\ndeno ${Deno.version.deno}\ncliffy ${cliffy.VERSION}`);
    })
    .helpOption("-h, --help", "Show this help.", { standalone: false })
    // Cliffy's own help has a width of its own, and lets the terminal break words.
    .help(() => helpOf(io.columns))
    .noExit();
  for (const { name, value } of OPTION_GROUPS.flatMap(({ options }) => options)) {
    command.option(value === undefined ? `--${name}` : `--${name} <${value}:string>`, "");
  }
  return command;
}

/**
 * No option takes an empty value, and the two versions of Cliffy read one differently; a word without a
 * name makes one of them fail.
 */
function checkWords(args: readonly string[]): void {
  const nameless = args.find((word) => /^-+=/.test(word));
  if (nameless !== undefined) throw new UsageError(unexpected(nameless));
  const at = args.findIndex((word) => word === "" || /^--[^=]+=$/.test(word));
  if (at < 0) return;
  const option = args[at] || args[at - 1] || "";
  if (!option.startsWith("--")) throw new UsageError(unexpected(""));
  throw new UsageError(`${option.replace(/=$/, "")} needs a value, but it is empty; see --help`);
}

/** Cliffy names options in camel case; settings know them as they are written. */
function toGiven(words: Readonly<Record<string, unknown>>): Given {
  const given: Record<string, string | boolean> = {};
  for (const { name } of OPTION_GROUPS.flatMap(({ options }) => options)) {
    const word = words[name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof word === "string" || typeof word === "boolean") given[name] = word;
  }
  return given;
}

/** Cliffy's message as one plain line that says what to do. */
function explain(error: Error, args: readonly string[]): string {
  const message = error.message.replace(/\s+/g, " ");
  if (/^(No arguments allowed|Too many arguments)/.test(message)) {
    return unexpected(strayWord(args));
  }
  return message.endsWith("?") ? message : `${message.replace(/\.$/, "")}; see --help`;
}

function unexpected(word: string): string {
  return `Unexpected argument ${JSON.stringify(word)}: every option begins with --; see --help`;
}

/** The first word that is neither an option nor the value of one. */
function strayWord(args: readonly string[]): string {
  const valued = new Set(
    OPTION_GROUPS.flatMap(({ options }) => options)
      .filter(({ value }) => value !== undefined)
      .map(({ name }) => `--${name}`),
  );
  return args.find((word, at) => !/^-./.test(word) && !valued.has(args[at - 1] ?? "")) ?? "";
}

/** Prints an error as one line, or with its stack when asked to, and gives the exit code. */
function report(error: unknown, debug: boolean, io: Io): number {
  const failure = causeOf(error);
  // Whoever was reading, `head` for example, has read enough.
  if (failure instanceof Deno.errors.BrokenPipe) return 1;
  const message = (failure.message || failure.name).replace(/\s*\n\s*/g, " ");
  const line = isBug(failure) ? `${message}; --debug shows where` : message;
  io.err(`error: ${debug ? stackOf(failure) : line}`);
  return failure instanceof UsageError ? 2 : 1;
}

/** The first error, if the end of `using` blocks met further ones because of it. */
function causeOf(error: unknown): Error {
  if (error instanceof SuppressedError) return causeOf(error.suppressed);
  return error instanceof Error ? error : new Error(String(error));
}

/** Errors of the library that the machine is the cause of; it is not loaded here. */
const MACHINE_ERRORS = ["NoAdapterError", "DeviceError"];

/** Whether an error comes from the program alone: not from its use, its files or the machine. */
function isBug(error: Error): boolean {
  const isExpected = error instanceof UsageError || error instanceof Failure;
  // The system's errors, such as a full disk, have a code; not all have a class of their own.
  const isSystems = Object.values(Deno.errors).some((kind) => error instanceof kind) ||
    ("code" in error && /^E[A-Z0-9]+$/.test(String(error.code)));
  return !isExpected && !isSystems && !MACHINE_ERRORS.includes(error.name);
}

function stackOf(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\nCaused by: ${stackOf(error.cause)}` : stack;
}

if (import.meta.main) Deno.exit(await main(Deno.args, consoleIo()));
