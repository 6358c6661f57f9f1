/** The program's commands: what each takes, and the module that is imported when it runs. */

import { dirname } from "@std/path";
import config from "../../deno.json" with { type: "json" };
import type { CommandSpec, Program } from "../options/command.ts";
import { MAKE_NBEST } from "../options/make_nbest.ts";
import type { Given } from "../options/option.ts";
import { OPTION_GROUPS, RUN } from "../options/options.ts";
import { RESCORE, systemsOf } from "../options/rescore.ts";
import { SCORE } from "../options/score.ts";
import type { Io } from "../shared/io.ts";
import { askPermissions } from "./permissions.ts";

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

const MODEL_AND_FILE = [{ name: "model" }, { name: "file", optional: true }];

/** Asks to read a model and a file, as the commands that take both need it. */
async function askToRead([model = "", file = "-"]: readonly string[]): Promise<void> {
  const { modelPathOf } = await openModels();
  await askPermissions({ read: [modelPathOf(model), file === "-" ? null : file] });
}

/** The folder that something is written in, if it is. */
function folderOf(path: Given[string]): string[] {
  return typeof path === "string" ? [dirname(path)] : [];
}

function openModels() {
  return import("../storage/open_model.ts");
}

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
  {
    name: "score",
    summary: "Print how probable each sentence of a text is.",
    details: [
      "The model is a path, or the NAME of saved_model/NAME.safetensors. The text has a sentence a " +
      "line; it is standard input if no file is given, and unpacked if the file's name ends in .gz " +
      "or .zst.",
      "Each line becomes one of four columns: log probability, tokens (the words and the end of the " +
      "sentence), unknown words, and the line itself; with --words also lines of the same columns " +
      "for each word, which begin with a tab. Words that the model does not know are scored " +
      "as <unk>, and count in all sums; <s> and </s> at a line's ends are taken for its marks. Sums " +
      "and the perplexity, with and without unknown words, go to standard error at the end.",
    ],
    arguments: MODEL_AND_FILE,
    groups: [{ title: "Scoring", options: SCORE }],
    examples: [
      { term: "nce score penn test.txt", text: "Score a file with saved_model/penn.safetensors." },
      { term: "nce score penn --words < test.txt", text: "Also each word." },
      { term: "nce score a.safetensors b.gz --json", text: "For another program to read." },
    ],
    async run({ given, words, io }) {
      await askToRead(words);
      const { score } = await import("../commands/score.ts");
      await score(words, given, io);
    },
  },
  {
    name: "make-nbest",
    summary: "Make n-best lists of the made-up language, heard through a noisy channel.",
    details: [
      "For rescore, which then tells the best possible: the language that the sentences are from, and " +
      "the channel, are known exactly. Train models for it with the same --data.",
    ],
    arguments: [],
    groups: [{ title: "Lists", options: MAKE_NBEST }],
    examples: [
      { term: "nce make-nbest > lists.jsonl", text: "1,000 lists of a language of 5,000 words." },
    ],
    async run({ given, io }) {
      await askPermissions({ read: [], write: folderOf(given["out"]) });
      const { makeNBest } = await import("../commands/make_nbest.ts");
      makeNBest(given, io);
    },
  },
  {
    name: "rescore",
    summary: "Choose anew among a recogniser's n-best hypotheses, and count word errors.",
    details: [
      "MODEL is a path or the NAME of saved_model/NAME.safetensors, or several to compare, joined by " +
      "commas, each with a mode if it is another than --mode: ce,nce:raw,nce:exact.",
      "Lists are JSON lines, a file of SRILM's or a folder of these, or a folder of Kaldi's text " +
      "archives (words_text, acwt, lmwt.lmonly, lmwt.nolm). A hypothesis scores its acoustic score, " +
      "the language score times its weight, and the penalty times its words, all in natural " +
      "logarithms. Errors are counted as sclite does, with a bootstrap's interval and NIST's " +
      "matched-pair test (MAPSSWE).",
    ],
    arguments: [{ name: "model" }, { name: "lists", optional: true }],
    groups: [{ title: "Rescoring", options: RESCORE }],
    examples: [
      { term: "nce rescore penn lists.jsonl", text: "Search weights and count errors." },
      { term: "nce rescore ce,nce:raw,nce lists/", text: "Compare models and modes." },
      { term: "nce rescore m nbest/ --lm-weight 8 --out new/", text: "Write the lists." },
    ],
    async run({ given, words, io }) {
      const [word = "", lists = "-"] = words, { modelPathOf } = await openModels();
      const models = systemsOf(word, "exact").map(({ model }) => modelPathOf(model));
      const write = folderOf(given["out"]),
        read = [lists === "-" ? null : lists, given["ref"]]
          .filter((path) => typeof path === "string");
      await askPermissions({ read: [...models, ...read, ...write], write });
      const { rescore } = await import("../commands/rescore.ts");
      await rescore(words, given, io);
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
