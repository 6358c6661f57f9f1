/** The help text, wrapped at the terminal's width and never inside a word. */

import {
  callOf,
  type CommandSpec,
  type HelpEntry,
  printingOptions,
  type Program,
} from "../options/command.ts";
import { flagOf, type OptionTable } from "../options/option.ts";
import { wrap } from "../shared/width.ts";

/** From this width on, descriptions are printed beside the terms. */
const WIDE = 60;
const INDENT = 2, GAP = 2;

/** Short forms of options. */
const SHORT: Readonly<Record<string, string>> = { help: "-h, ", version: "-V, " };

/** A command's full help text; each option shows its value and its default. */
export function helpOf(program: Program, command: CommandSpec, columns: number): string {
  const isRoot = command === program.root, call = callOf(program, command);
  const commands = isRoot ? program.commands : [];
  const sections = [
    { title: "Options", entries: entriesOf(printingOptions(program, command)) },
    { title: "Commands", entries: commands.map((other) => entryOf(program, other)) },
    ...command.groups.map(({ title, options }) => ({ title, entries: entriesOf(options) })),
  ];
  const terms = sections.flatMap(({ entries }) => entries.map(({ term }) => term.length));
  const indent = columns < WIDE ? 2 * INDENT : INDENT + Math.max(...terms) + GAP;
  const shown = [{ title: "Examples", entries: command.examples }, ...sections]
    .filter(({ entries }) => entries.length > 0);
  return [
    ...wrap(`Usage: ${call} [options]`, columns),
    ...isRoot ? [`Version: ${program.version}`] : [],
    "",
    ...wrap(command.summary, columns),
    ...(command.details ?? []).flatMap((text) => ["", ...wrap(text, columns)]),
    ...shown.flatMap(({ title, entries }) => [
      "",
      `${title}:`,
      ...entries.flatMap((entry) => lines(entry, indent, columns)),
    ]),
  ].join("\n");
}

function entryOf(program: Program, command: CommandSpec): HelpEntry {
  const term = callOf(program, command).slice(program.root.name.length + 1);
  return { term, text: command.summary };
}

/** Options with their values and defaults. */
function entriesOf(options: OptionTable): HelpEntry[] {
  return Object.entries(options).map(([name, { value, default: standard, help }]) => ({
    term: (SHORT[name] ?? "") + flagOf(name) + (value === undefined ? "" : ` <${value}>`),
    text: standard === undefined ? help : `${help} Default: ${standard}.`,
  }));
}

/** A description beside its term, or below a term that is too long. */
function lines({ term, text }: HelpEntry, indent: number, columns: number): string[] {
  const start = " ".repeat(INDENT) + term;
  const texts = wrap(text, columns - indent).map((line) => " ".repeat(indent) + line);
  if (start.length + GAP > indent) return [start, ...texts];
  return [start.padEnd(indent) + texts[0]!.slice(indent), ...texts.slice(1)];
}
