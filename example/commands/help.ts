/** The help text, wrapped at the terminal's width and never inside a word. */

import { OPTION_GROUPS } from "../options/options.ts";

/** One thing and what is said of it, such as `--train` and what it does. */
interface Entry {
  readonly term: string;
  readonly text: string;
}

/** Columns from which on the texts stand beside the terms. */
const WIDE = 60;
const INDENT = 2, GAP = 2;

/** The options that Cliffy adds. */
const OWN: readonly Entry[] = [
  { term: "-h, --help", text: "Show this help." },
  { term: "-V, --version", text: "Show the versions of the program, Deno and Cliffy." },
];

const GROUPS = [
  { title: "Options", entries: OWN },
  ...OPTION_GROUPS.map(({ title, options }) => ({
    title,
    entries: options.map(({ name, value, default: standard, help }) => ({
      term: value === undefined ? `--${name}` : `--${name} <${value}>`,
      text: standard === undefined ? help : `${help} Default: ${standard}.`,
    })),
  })),
];
const TERM_WIDTH = Math.max(
  ...GROUPS.flatMap(({ entries }) => entries.map((e) => e.term.length)),
);

/** The whole help text; each option has its value and its default. */
export function helpText(
  { name, version, description, examples, columns }: {
    readonly name: string;
    readonly version: string;
    readonly description: string;
    readonly examples: readonly Entry[];
    readonly columns: number;
  },
): string {
  const indent = columns < WIDE ? 2 * INDENT : INDENT + TERM_WIDTH + GAP;
  return [
    `Usage: ${name} [options]`,
    `Version: ${version}`,
    "",
    ...wrap(description, columns),
    ...[...GROUPS, { title: "Examples", entries: examples }].flatMap(({ title, entries }) => [
      "",
      `${title}:`,
      ...entries.flatMap((entry) => lines(entry, indent, columns)),
    ]),
  ].join("\n");
}

/** A text beside its term, or below it where the term is too long. */
function lines({ term, text }: Entry, indent: number, columns: number): string[] {
  const start = " ".repeat(INDENT) + term;
  const texts = wrap(text, columns - indent).map((line) => " ".repeat(indent) + line);
  if (start.length + GAP > indent) return [start, ...texts];
  return [start.padEnd(indent) + texts[0]!.slice(indent), ...texts.slice(1)];
}

/** Lines of at most `width` columns; a longer word has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line === "" || longer.length <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}
