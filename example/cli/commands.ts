/** The program's commands: what each takes, and the module that is imported when it runs. */

import config from "../../deno.json" with { type: "json" };
import type { CommandSpec, Program } from "../options/command.ts";
import type { Given } from "../options/option.ts";
import { OPTION_GROUPS, RUN } from "../options/options.ts";
import type { Io } from "../shared/io.ts";

/** What a command is run with. */
export interface Call {
  /** The options that were given. */
  readonly given: Given;
  /** The arguments, as many as the command takes. */
  readonly words: readonly string[];
  readonly io: Io;
}

/** A command that can be run. */
export interface Command extends CommandSpec {
  readonly run: (call: Call) => Promise<void>;
}

/** Options of every command but the root, which has them among its own. */
const COMMON = { title: "General", options: { debug: RUN.debug } };

/** The commands besides the root. */
export const COMMANDS: readonly Command[] = [
  {
    name: "completions",
    summary: "Print a script for a shell, which then completes commands, options and their values.",
    arguments: [{ name: "shell", choices: ["bash", "zsh", "fish"] }],
    groups: [COMMON],
    examples: [
      { term: "source <(nce completions bash)", text: "In ~/.bashrc; zsh likewise in ~/.zshrc." },
      { term: "nce completions fish | source", text: "In ~/.config/fish/config.fish." },
    ],
    async run({ words, io }) {
      const { completions } = await import("../commands/completions.ts");
      io.out(completions(words[0]!, PROGRAM));
    },
  },
];

/** Training and test are what the program does without a command, as its original. */
export const PROGRAM: Program = {
  version: config.version,
  root: {
    name: "nce",
    summary: "Trains and tests a word language model whose large softmax is learned by noise " +
      "contrastive estimation, on the GPU through WebGPU.",
    arguments: [],
    groups: OPTION_GROUPS,
    examples: [
      { term: "nce --train --nce --data data/penn", text: "Train with NCE." },
      { term: "nce --data data/penn", text: "Test the model." },
    ],
  },
  commands: COMMANDS,
};
