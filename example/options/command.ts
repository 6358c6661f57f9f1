/** Descriptions of the program's commands, for the parser, the help text and completions. */

import { flag, type OptionTable } from "./option.ts";
import type { OptionGroup } from "./options.ts";

/** A positional argument of a command. */
export interface Argument {
  readonly name: string;
  /** The allowed words; unless given, it is the name of a file or a model. */
  readonly choices?: readonly string[];
  /** Whether it may be omitted; only optional arguments may follow. */
  readonly optional?: boolean;
  /** Whether it may be the name of a model in `saved_model`. */
  readonly isModel?: boolean;
  /** Whether an empty word is one. */
  readonly mayBeEmpty?: boolean;
  /** Whether there may be several; only for the last one. */
  readonly repeated?: boolean;
}

/** A term and its description, such as `--train` and what it does. */
export interface HelpEntry {
  readonly term: string;
  readonly text: string;
}

/** A command. */
export interface CommandSpec {
  /** The word to type; the program's name for the root. */
  readonly name: string;
  /** What it does, one sentence. */
  readonly summary: string;
  /** Further paragraphs of its own help. */
  readonly details?: readonly string[];
  readonly arguments: readonly Argument[];
  readonly groups: readonly OptionGroup[];
  readonly examples: readonly HelpEntry[];
}

/** The program: its root command and the others. */
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

/** The usage of a command with its arguments, such as `nce completions <shell>`. */
export function callOf({ root }: Program, command: CommandSpec): string {
  const names = command === root ? [root.name] : [root.name, command.name];
  const words = command.arguments.map(({ name, optional, repeated }) =>
    (optional ? `[${name}]` : `<${name}>`) + (repeated ? "..." : "")
  );
  return [...names, ...words].join(" ");
}
