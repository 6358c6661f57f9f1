// The scripts that complete the command line: bash's is run, those of zsh and fish have all that it has.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { PROGRAM } from "../../../example/cli/commands.ts";
import { completions } from "../../../example/commands/completions.ts";
import { inFolder } from "../../support/folder.ts";
import { type NamedOption, OPTIONS } from "../../support/options.ts";

const COMMANDS = PROGRAM.commands.map(({ name }) => name);
const FLAGS = [
  ...["--help", "--version"],
  ...OPTIONS.flatMap(({ name }) =>
    name === "autotune" ? ["--autotune", "--no-autotune"] : [`--${name}`]
  ),
];
const MODELS = ["demo", "my own", "penn.2"];
const FILES = { "a file": "", "another": "", "it's": "" };

/** What bash offers for the last word of each line, in a folder of some files. */
function offered(lines: readonly (readonly string[])[]): Promise<string[][]> {
  return inFolder(() => {
    Deno.mkdirSync("saved_model");
    for (const name of [...MODELS, "demo.checkpoint"]) {
      Deno.writeTextFileSync(`saved_model/${name}.safetensors`, "");
    }
    const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
    const script = [
      completions("bash", PROGRAM),
      ...lines.flatMap((words) => [
        `COMP_WORDS=(${words.map(quoted).join(" ")}) COMP_CWORD=${words.length - 1}`,
        "_nce",
        `printf '%s\\n' "\${COMPREPLY[@]}" -`,
      ]),
    ].join("\n");
    const { stdout, stderr } = new Deno.Command("bash", { args: ["-c", script] }).outputSync();
    assertEquals(new TextDecoder().decode(stderr), "");
    const answers = new TextDecoder().decode(stdout).split("-\n").slice(0, -1);
    return answers.map((answer) => answer.split("\n").filter((line) => line !== ""));
  }, FILES);
}

const valuesOf = ({ choices = [], isPath, isModel }: NamedOption) => [
  ...choices,
  ...isPath ? [...Object.keys(FILES), "saved_model"] : [],
  ...isModel ? MODELS : [],
];

Deno.test("bash offers commands first, and options everywhere", async () => {
  const [all, later, part, command] = await offered([
    ["nce", ""],
    ["nce", "--train", ""],
    ["nce", "--nce", "--no"],
    ["nce", "comp"],
  ]);
  assertEquals(all, [...COMMANDS, ...FLAGS]);
  assertEquals(later, FLAGS);
  assertEquals(part, FLAGS.filter((flag) => flag.startsWith("--no")));
  assertEquals(command, ["completions"]);
});

Deno.test("bash offers the values of every option, in both ways to write them", async () => {
  const valued = OPTIONS.filter(({ value }) => value !== undefined);
  const apart = await offered(valued.map(({ name }) => ["nce", "--nce", `--${name}`, ""]));
  const joined = await offered(valued.map(({ name }) => ["nce", `--${name}`, "="]));
  for (const [i, option] of valued.entries()) {
    assertEquals(apart[i]?.toSorted(), valuesOf(option).toSorted(), option.name);
    assertEquals(joined[i], apart[i], option.name);
  }
  const some = await offered([
    ["nce", "--loss", "n"],
    ["nce", "--noise", "=", "batch+u"],
    ["nce", "--data", "a"],
    ["nce", "--data", "syn"],
  ]);
  assertEquals(some, [["nce", "neg"], ["batch+unigram", "batch+uniform"], [
    "a file",
    "another",
  ], ["synthetic"]]);
});

Deno.test("bash offers the models in saved_model where one is named, and files beside them", async () => {
  const [first, part, path, run, none] = await offered([
    ["nce", "score", ""],
    ["nce", "generate", "de"],
    ["nce", "score", "demo", "a"],
    ["nce", "report", "p"],
    ["nce", "make-text", "de"],
  ]);
  for (const name of [...MODELS, ...Object.keys(FILES)]) assert(first!.includes(name), name);
  assert(!first!.some((name) => name.includes("checkpoint")));
  assertEquals(part, ["demo"]);
  assertEquals(path, ["a file", "another"]);
  assertEquals([run, none], [["penn.2"], []]);
});

Deno.test("bash offers a command's arguments and its options, and none of another's", async () => {
  const [first, part, second, value] = await offered([
    ["nce", "completions", ""],
    ["nce", "completions", "z"],
    ["nce", "completions", "zsh", ""],
    ["nce", "--save", "completions", ""], // a name, not the command
  ]);
  assertEquals(first, ["bash", "zsh", "fish", "--help", "--debug"]);
  assertEquals(part, ["zsh"]);
  assertEquals(second, ["--help", "--debug"]);
  assertEquals(value, FLAGS);
});

Deno.test("zsh and fish get every command and option with its values and its help", () => {
  const zsh = completions("zsh", PROGRAM), fish = completions("fish", PROGRAM);
  for (const command of PROGRAM.commands) {
    assertStringIncludes(zsh, `${command.name}\\:"${command.summary}"`);
    assertStringIncludes(fish, `-a ${command.name} -d '${command.summary}'`);
  }
  for (const { name, value, help, choices = [], isPath, isModel } of OPTIONS) {
    const text = help.replace(/[[\]:]/g, "\\$&").replaceAll("'", "'\\''");
    const words = choices.length === 0 ? " " : `(${choices.join(" ")})`;
    const names = isPath ? "{__nce_models; _files}" : "__nce_models";
    const values = isModel ? names : isPath ? "_files" : words;
    const rest = value === undefined ? "" : `:${value}:${values}`;
    assertStringIncludes(zsh, `'--${name}${value === undefined ? "" : "="}[${text}]${rest}'`);
    const listed = isModel
      ? " -a '(__nce_models)'"
      : choices.length === 0
      ? ""
      : ` -a '${choices.join(" ")}'`;
    const kind = value === undefined ? "" : (isPath ? " -r -F" : " -x") + listed;
    assertStringIncludes(fish, ` -l ${name}${kind} -d '${help.replaceAll("'", "\\'")}'`);
  }
  for (const shell of ["zsh", "fish"]) {
    assert(completions(shell, PROGRAM).includes("bash zsh fish"));
  }
});
