/** The help text: complete, and wrapped at any width. */

import { assert, assertEquals } from "@std/assert";
import { PROGRAM } from "../../../example/cli/commands.ts";
import { helpOf } from "../../../example/cli/help.ts";
import type { CommandSpec } from "../../../example/options/command.ts";
import { flagOf } from "../../../example/options/option.ts";
import { OPTION_GROUPS } from "../../../example/options/options.ts";
import { OPTIONS } from "../../support/options.ts";

const { root, commands } = PROGRAM;
const help = (columns: number, command: CommandSpec = root) => helpOf(PROGRAM, command, columns);
/** The lines of a help text, each term beside its text. */
const linesOf = (command: CommandSpec) =>
  help(1000, command).split("\n").map((line) => line.replace(/ +/g, " ").trim());

Deno.test("the help text keeps to the terminal's width and breaks no word", () => {
  for (const command of [root, ...commands]) {
    for (const columns of [40, 59, 60, 80, 200]) {
      const lines = help(columns, command).split("\n");
      for (const line of lines) assert(line.length <= columns, `${columns}: ${line}`);
      assert(lines.every((line) => line === line.trimEnd()));
      // Whatever the width, the words are the same.
      assertEquals(help(columns, command).split(/\s+/), help(1000, command).split(/\s+/));
    }
  }
  assert(help(200).split("\n").some((line) => line.length > 150), "the width is used");
});

Deno.test("the help text has every option with its value, its text and its default", () => {
  const lines = linesOf(root);
  for (const { title } of OPTION_GROUPS) assert(lines.includes(`${title}:`));
  for (const { name, value, default: standard, help } of OPTIONS) {
    const term = value === undefined ? `--${name}` : `--${name} <${value}>`;
    const text = standard === undefined ? help : `${help} Default: ${standard}.`;
    assert(lines.includes(`${term} ${text}`), name);
  }
  assertEquals(new Set(OPTIONS.map(({ name }) => name)).size, OPTIONS.length);
});

Deno.test("the help text begins with examples, and names no option that there is not", () => {
  for (const command of [root, ...commands]) {
    const lines = help(80, command).split("\n");
    assertEquals(lines.find((line) => /^[A-Z].*:$/.test(line)), "Examples:");
    const known = command.groups.flatMap(({ options }) => Object.keys(options).map(flagOf));
    const named = command.examples.flatMap(({ term }) => term.match(/--[\w-]+/g) ?? []);
    assertEquals(named.filter((name) => !known.includes(name)), [], command.name);
  }
  const known = OPTIONS.map(({ name }) => `--${name}`);
  const named = root.details!.join().match(/--[\w-]+/g)!;
  assertEquals(named.filter((name) => !known.includes(name)), []);
});

Deno.test("the help text lists the commands, and each command has its own", () => {
  for (const command of commands) {
    const { name, summary, details = [], examples } = command;
    const args = command.arguments.map(({ name, optional, repeated }) =>
      (optional ? ` [${name}]` : ` <${name}>`) + (repeated ? "..." : "")
    ).join("");
    assert(linesOf(root).includes(`${name}${args} ${summary}`), name);
    const lines = linesOf(command);
    assertEquals(lines[0], `Usage: nce ${name}${args} [options]`);
    for (const text of [summary, ...details]) assert(lines.includes(text), text);
    for (const { term, text } of examples) {
      // Side by side, or one below the other where the term is too long.
      const isThere = lines.includes(`${term} ${text}`) || lines[lines.indexOf(term) + 1] === text;
      assert(isThere, term);
    }
    assert(!lines.includes("Commands:") && !lines.some((line) => line.includes("--version")));
  }
});
