/** The program's commands: their options and arguments, and the module that each loads when it runs. */

import config from "../../deno.json" with { type: "json" };
import { dirname } from "@std/path";
import type { CommandSpec, Program } from "../options/command.ts";
import { MAKE_NBEST } from "../options/make_nbest.ts";
import { MAKE_TEXT } from "../options/make_text.ts";
import { DOCTOR } from "../options/doctor.ts";
import { EXPORT, IMPORT } from "../options/exchange.ts";
import { GENERATE } from "../options/generate.ts";
import { type Given, readOptions } from "../options/option.ts";
import { OPTION_GROUPS } from "../options/options.ts";
import { RUN } from "../options/run_options.ts";
import { REPORT } from "../options/report.ts";
import { RESCORE, systemsOf } from "../options/rescore.ts";
import { SCORE } from "../options/score.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { atVolume, type Io } from "../shared/io.ts";
import { givenSettings } from "./given_settings.ts";
import { askPermissions, mayRun } from "./permissions.ts";

/** Input of a command. */
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

/** Options of every command; the root lists them among its own. */
const COMMON = { title: "General", options: { debug: RUN.debug } };

const MODEL_ARGUMENT = { name: "model", isModel: true };
const MODEL_AND_FILE = [MODEL_ARGUMENT, { name: "file", optional: true }];

/** Asks for permission to read a model and a file. */
async function askToRead([model = "", file = "-"]: readonly string[]): Promise<void> {
  const { modelPathOf } = await import("../storage/open_model.ts");
  await askPermissions({ read: [modelPathOf(model), file === "-" ? null : file] });
}

/** The folder of the output file, if there is one. */
function folderOf(path: Given[string]): string[] {
  return typeof path === "string" ? [dirname(path)] : [];
}

/** The commands besides the root. */
export const COMMANDS: readonly Command[] = [
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
    name: "rescore",
    summary: "Choose again among the n-best hypotheses of a recogniser, and count word errors.",
    details: [
      "MODEL is a path or the NAME of saved_model/NAME.safetensors, or several to compare, joined by " +
      "commas, each with a mode if it is another than --mode: ce,nce:raw,nce:exact.",
      "Lists are JSON lines, a file of SRILM's or a folder of these, or a folder of Kaldi's text " +
      "archives (words_text, acwt, lmwt.lmonly, lmwt.nolm). A hypothesis scores its acoustic score, " +
      "the language score times its weight, and the penalty times its words, all in natural " +
      "logarithms. Errors are counted as sclite -s does, with a bootstrap's interval and NIST's " +
      "matched-pair test (MAPSSWE). docs/rescoring.md has an example of each format.",
    ],
    arguments: [MODEL_ARGUMENT, { name: "lists", optional: true }],
    groups: [{ title: "Rescoring", options: RESCORE }],
    examples: [
      { term: "nce rescore penn lists.jsonl", text: "Search weights and count errors." },
      { term: "nce rescore ce,nce:raw,nce lists/", text: "Compare models and modes." },
      { term: "nce rescore m lists --out new", text: "Write the lists." },
      { term: "nce rescore m eval --dev dev", text: "Weights from lists of their own." },
    ],
    async run({ given, words, io }) {
      const [word = "", lists = "-"] = words;
      const { modelPathOf } = await import("../storage/open_model.ts");
      const write = folderOf(given["out"]);
      const dev = Number.isNaN(Number(given["dev"])) ? given["dev"] : undefined;
      const read = [lists, given["ref"], dev, ...write]
        .filter((path) => typeof path === "string").filter((path) => path !== "-");
      const models = systemsOf(word, "exact").map(({ model }) => modelPathOf(model));
      await askPermissions({ read: [...models, ...read], write });
      const { rescore } = await import("../commands/rescore.ts");
      await rescore(words, given, io);
    },
  },
  {
    name: "make-nbest",
    summary: "Make n-best lists of the made-up language, heard through a noisy channel.",
    details: [
      "For rescore, which then tells how the language itself would choose: it and the channel are known " +
      "exactly. Train models for it with the same --data.",
    ],
    arguments: [],
    groups: [{ title: "Lists", options: MAKE_NBEST }],
    examples: [
      { term: "nce make-nbest > lists.jsonl", text: "1,000 lists of a language of 5,000 words." },
      { term: "nce make-nbest --data synthetic", text: "Those of the demo's language, printed." },
    ],
    async run({ given, io }) {
      const write = folderOf(given["out"]);
      await askPermissions({ read: write, write });
      const { makeNBest } = await import("../commands/make_nbest.ts");
      makeNBest(given, io);
    },
  },
  {
    name: "make-text",
    summary: "Write text of the made-up language, of any size, to train on.",
    details: [
      "The folder gets train.txt, valid.txt and test.txt, for --data. The language's probabilities " +
      "are known exactly, so the best possible perplexity is told; no model can expect less.",
    ],
    arguments: [{ name: "folder" }],
    groups: [{ title: "Text", options: MAKE_TEXT }],
    examples: [
      { term: "nce make-text big --words 1e9", text: "Five gigabytes." },
    ],
    async run({ given, words: [folder], io }) {
      await askPermissions({ read: [folder!], write: [folder!] });
      const { makeText } = await import("../commands/make_text.ts");
      makeText(folder!, given, io);
    },
  },
  {
    name: "generate",
    summary: "Print texts that a model makes up, a sentence each.",
    details: [
      "The model is a path, or the NAME of saved_model/NAME.safetensors. Without a prompt, each line of " +
      "standard input is one; on a terminal, sentences begin anew.",
      "A text ends with its sentence, or after --length words. Words are drawn from the exact " +
      "probabilities over all words, except <unk>; with --top-k or --top-p from the most probable ones, " +
      "which are chosen before the temperature. The same seed gives the same texts, whatever --count is.",
    ],
    arguments: [MODEL_ARGUMENT, { name: "prompt", optional: true, mayBeEmpty: true }],
    groups: [{ title: "Generation", options: GENERATE }],
    examples: [
      { term: 'nce generate penn "the market"', text: "A sentence that begins with these words." },
      { term: "nce generate penn --count 5", text: "Five sentences." },
      { term: "nce generate penn --json < prompts", text: "A prompt a line, for another program." },
    ],
    async run({ given, words, io }) {
      await askToRead(words.slice(0, 1));
      const { generate } = await import("../commands/generate.ts");
      await generate(words, given, io);
    },
  },
  {
    name: "export",
    summary: "Write a model for PyTorch, as a safetensors file with its vocabulary as JSON.",
    details: [
      "Names and shapes are those of the original. docs/pytorch.md has the lines that read it.",
    ],
    arguments: [MODEL_ARGUMENT],
    groups: [{ title: "Export", options: EXPORT }, COMMON],
    examples: [
      { term: "nce export demo --to pytorch", text: "Into saved_model/pytorch." },
    ],
    async run({ given, words: [model], io }) {
      const { out } = readOptions(EXPORT, given);
      const folder = out === null ? MODEL_FOLDER : dirname(out);
      const { modelPathOf } = await import("../storage/open_model.ts");
      await askPermissions({ read: [modelPathOf(model!), folder], write: [folder] });
      const { exportModel } = await import("../commands/export.ts");
      exportModel(model!, given, io);
    },
  },
  {
    name: "import",
    summary: "Make a model of what export wrote, or of a state_dict of the original.",
    details: [
      "Beside the file are its words and their counts, as JSON. A state_dict does not tell all settings: " +
      "give --loss and --dropout, --noise-ratio of a model with noise, and --norm-term of nce and mix. " +
      "docs/pytorch.md has the lines that write it.",
    ],
    arguments: [{ name: "file" }],
    groups: [{ title: "Import", options: IMPORT }, COMMON],
    examples: [
      { term: "nce import mine.safetensors", text: "With mine.json beside it." },
    ],
    async run({ given, words: [file], io }) {
      const { vocab } = readOptions(IMPORT, given);
      const { vocabularyPath } = await import("../storage/pytorch.ts");
      const read = [file!, vocab ?? vocabularyPath(file!), MODEL_FOLDER];
      await askPermissions({ read, write: [MODEL_FOLDER] });
      const { importModel } = await import("../commands/import.ts");
      importModel(file!, given, io);
    },
  },
  {
    name: "doctor",
    summary:
      "Look at data, settings and machine before a training run, and tell how long it takes.",
    details: [
      "It takes the options of a training run. Each finding is graded: stop (the run would refuse it), " +
      "warn (it would go on, perhaps not as meant) or fine, and has its figures and the cure. The time " +
      "is that of a trial of ten seconds. Nothing is written but a large text as numbers, which the run " +
      "then reads. The exit code is 1 if there is a stop.",
      "With --quiet, what is fine is left out. With --distributed, started by mpirun, it looks at the " +
      "ranks and their network, too.",
    ],
    arguments: [],
    groups: [{ title: "Findings", options: DOCTOR }, ...OPTION_GROUPS],
    examples: [
      { term: "nce doctor --nce --data my/text", text: "Before nce --train --nce --data my/text." },
    ],
    async run({ given, io }) {
      const { json, ...training } = given;
      const settings = await givenSettings({ ...training, train: true, prof: false }, io);
      const { doctor } = await import("../commands/doctor.ts");
      await doctor(settings, json === true, atVolume(io, settings));
    },
  },
  {
    name: "report",
    summary: "Write an HTML page on one or several runs: curves, results and settings.",
    details: [
      "A run is the NAME of saved_model/NAME.metrics.jsonl, or a path. The page shows learning curves, " +
      "speed, noise, perplexity by word frequency, ln Z and the settings, with differences marked; it " +
      "needs no network. The model file, where there is one, adds the size of the model.",
    ],
    arguments: [{ name: "run", isModel: true, repeated: true }],
    groups: [{ title: "Report", options: REPORT }],
    examples: [
      { term: "nce report demo --open", text: "On one run, in the browser." },
      { term: "nce report demo penn", text: "Compare two runs." },
      { term: "nce report demo --watch", text: "While it is being trained." },
    ],
    async run({ given, words, io }) {
      const { OPENER, report, reportPaths } = await import("../commands/report.ts");
      const { runs, out } = reportPaths(words, given), folder = dirname(out);
      const read = [...runs.map(({ record }) => dirname(record)), folder, MODEL_FOLDER];
      await askPermissions({ read: [...new Set(read)], write: [folder] });
      await report(words, given, io, { mayOpen: given["open"] === true && await mayRun(OPENER) });
    },
  },
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
      io.write(`${completions(words[0]!, PROGRAM)}\n`);
    },
  },
];

/** Without a command, the program trains and tests, like Pytorch-NCE. */
export const PROGRAM: Program = {
  version: config.version,
  root: {
    name: "nce",
    summary: "Trains and tests a word language model whose large softmax is learned by noise " +
      "contrastive estimation, on the GPU through WebGPU.",
    details: [
      "Most runs set --data, --save, --nce or another --loss, --noise, --min-freq, --emsize, --nhid, " +
      "--nlayers, --epochs, --batch-size and --lr.",
    ],
    arguments: [],
    groups: OPTION_GROUPS,
    examples: [
      { term: "nce doctor --nce --data data/penn", text: "Look at everything before training." },
      { term: "nce --train --nce --data data/penn", text: "Train with NCE." },
      { term: "nce", text: "Test the model on its own text; --data names another." },
    ],
  },
  commands: COMMANDS,
};
