/** What the parser, the help text and completions know of the program's commands. */

import { flag, type OptionTable } from "./option.ts";
import type { OptionGroup } from "./options.ts";

/** A word that a command takes, and that is no option. */
export interface Argument {
  readonly name: string;
  /** The words that it may be; unless given, it is the name of a file or of a model. */
  readonly choices?: readonly string[];
  /** Whether it may be left out; the first optional argument is followed by such alone. */
  readonly optional?: boolean;
}

/** A term and what is said of it, such as `--train` and what it does. */
export interface Entry {
  readonly term: string;
  readonly text: string;
}

/** A command. */
export interface CommandSpec {
  /** What is typed; the name of the program for the root. */
  readonly name: string;
  /** What it does, one sentence. */
  readonly summary: string;
  /** What else its own help says, a paragraph each. */
  readonly details?: readonly string[];
  readonly arguments: readonly Argument[];
  readonly groups: readonly OptionGroup[];
  readonly examples: readonly Entry[];
}

/** The program: what it does without a command, and its commands. */
export interface Program {
  readonly version: string;
  readonly root: CommandSpec;
  readonly commands: readonly CommandSpec[];
}

const HELP = flag({ help: "Show this help." });
const VERSION = flag({ help: "Show the versions of the program, Deno and Cliffy." });

/** Options that print something and do nothing else. */
export function printingOptions({ root }: Program, command: CommandSpec): OptionTable {
  return command === root ? { help: HELP, version: VERSION } : { help: HELP };
}

/** How a command is called, with its arguments, such as `nce completions <shell>`. */
export function callOf({ root }: Program, command: CommandSpec): string {
  const names = command === root ? [root.name] : [root.name, command.name];
  const words = command.arguments.map(({ name, optional }) => optional ? `[${name}]` : `<${name}>`);
  return [...names, ...words].join(" ");
}
