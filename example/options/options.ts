/** Every option of the root command: its name, value, limits, default, help, and the runs that it affects. */

import { INDEX_MODULES, LOSSES, NOISES, TABLE_DTYPES } from "./choices.ts";
import { SAMPLES } from "./evaluation_kind.ts";
import {
  alike,
  choice,
  count,
  EPOCHS,
  flag,
  number,
  type OptionTable,
  path,
  type Range,
  type SettingsOf,
  shorthand,
  TRAINING,
  valued,
  wordOr,
} from "./option.ts";
import { DISTRIBUTED } from "./distributed.ts";
import { OPTIMIZER } from "./optimizer_options.ts";
import { NAME, RUN } from "./run_options.ts";

/** A count without a practical upper limit. */
const ANY_COUNT: Range = [1, 1e9];

/** The text, and how training cuts it. A resumed run may find it elsewhere, but its content must be the same. */
const DATA = {
  data: {
    ...path({
      value: "path",
      default: "synthetic",
      help:
        "Folder with train.txt, valid.txt and test.txt (or .txt.gz, .txt.zst, or train-*.txt), a " +
        "sentence a line; or synthetic, a made-up language, with settings such as " +
        "synthetic:vocab=900,seed=2 (also words). Without it, the test of a saved model takes the model's own text.",
      mayChange: true,
    }),
    choices: ["synthetic"],
  },
  ...alike({ modes: TRAINING }, {
    vocab: path({
      value: "file",
      help: "Vocabulary file, a word a line; without it the words of train.txt.",
      mayChange: true,
    }),
    minFreq: count(ANY_COUNT, {
      value: "count",
      default: "1",
      help: "Rarer words become <unk>.",
      mayChange: true,
    }),
    corpusMemory: number([1e-6, 1e6], {
      value: "gigabytes",
      help:
        "Most memory for the text of train.txt; a larger one is read from a file in windows, and " +
        "shuffled by windows. Without it, a quarter of the machine's.",
      mayChange: true,
    }),
    concat: flag({
      help: "Train on the text joined with <s> and cut into pieces of --bptt words, not on " +
        "separate sentences.",
    }),
    bptt: count([1, 1e6], {
      value: "words",
      default: "35",
      help: "Longest training sequence.",
    }),
    carryState: flag({
      help: "With --concat, carry the hidden state from one piece to the next.",
    }),
  }),
} satisfies OptionTable;

/** The network. */
export const MODEL = alike({ modes: TRAINING }, {
  indexModule: choice(INDEX_MODULES, {
    value: "module",
    default: "linear",
    help: "What scores a word: linear (a layer on top of the LSTM), or gru (a GRU that reads the " +
      "word itself; takes the place of the whole model).",
  }),
  emsize: count([1, 65_536], {
    value: "size",
    default: "200",
    help: "Size of the word embeddings.",
  }),
  nhid: count([1, 65_536], {
    value: "size",
    default: "200",
    help: "Hidden units of a layer.",
  }),
  nlayers: count([1, 64], {
    value: "count",
    default: "2",
    help: "Number of LSTM layers.",
  }),
  tied: flag({
    help:
      "One table of words: the weight of the output layer is also the embedding (--index-module linear).",
    addedLater: true,
  }),
  dropout: number([0, 0.999], {
    value: "rate",
    default: "0.2",
    help: "Dropout applied to the layers (0 = none).",
  }),
  tableDtype: choice(TABLE_DTYPES, {
    value: "type",
    default: "f32",
    help: "Precision of the tables of words: f32, or f16 in half the memory, rounded at random. " +
      "The optimizer's state stays f32: --momentum 0 and rowwise-adagrad need the least.",
    addedLater: true,
  }),
  seed: count([0, Number.MAX_SAFE_INTEGER], {
    value: "number",
    default: "1111",
    help: "Random seed of the weights, the noise, dropout and the order of the text.",
  }),
});

const TERM = wordOr(
  ["auto", "learned"],
  number([-1000, 1000], {
    value: "number",
    default: "auto",
    help:
      "Log of the normalising constant that nce and mix assume: a number, auto (also -1) for the " +
      "log of the vocabulary size, or learned. With full and sampled it only moves ln Z, as the " +
      "output bias starts at it.",
  }),
);
/** A number, `auto` or `learned`; -1 is `auto`. */
const NORM_TERM: typeof TERM = {
  ...TERM,
  read(text) {
    const term = TERM.read(text);
    return term === -1 ? "auto" : term;
  },
};

/** The loss and its noise. */
export const LOSS = alike({ modes: TRAINING }, {
  loss: choice(LOSSES, {
    value: "loss",
    default: "full",
    help: "Training loss: full (exact softmax), nce, sampled (sampled softmax), mix (mean of nce " +
      "and sampled) or neg (negative sampling; gives no probabilities).",
  }),
  nce: shorthand("loss", "nce", { help: "Short for --loss nce." }),
  noiseRatio: count(SAMPLES, {
    value: "count",
    default: "50",
    help: "Number of noise samples for a target, k.",
  }),
  perWord: flag({
    help: "Draw noise for each target; without it, all targets of a batch share the same.",
  }),
  noise: choice(NOISES, {
    value: "source",
    default: "unigram",
    help: "Distribution of the noise, at which the output bias starts: unigram, uniform, " +
      "log-uniform, batch (the other targets of the batch), or batch with another: batch+unigram.",
  }),
  noisePower: number([0, 10], {
    value: "number",
    default: "1",
    help: "Exponent of the word counts in unigram noise.",
  }),
  noiseUniform: number([0, 1], {
    value: "part",
    default: "0",
    help: "Part of uniform noise that is mixed into unigram noise.",
  }),
  unique: flag({ help: "Draw samples without repeats (--loss sampled only)." }),
  removeHits: flag({
    help: "Leave out samples that equal the target (--loss sampled only).",
  }),
  normTerm: NORM_TERM,
  selfNorm: number([0, 1e10], {
    value: "alpha",
    default: "0",
    help: "Weight of a penalty on the square of ln Z less the norm term; ln Z is exact with " +
      "--loss full, else estimated.",
  }),
});

/** The course of training. */
const COURSE = alike({ modes: EPOCHS, mayChange: true }, {
  epochs: count([1, 1e6], {
    value: "count",
    default: "40",
    help: "Maximum number of epochs: passes over the text.",
  }),
  patience: count(ANY_COUNT, {
    value: "epochs",
    help: "End training after so many epochs in turn without a better validation.",
  }),
  maxMinutes: number([0, 30_000], {
    value: "n",
    help:
      "End training after so many minutes, as at Ctrl-C: a checkpoint is left, the test follows.",
  }),
  batchSize: count([1, 1e6], {
    value: "count",
    default: "20",
    help: "Sentences of mean length in a batch; with --concat, rows of --bptt words.",
    modes: TRAINING,
    mayChange: false,
  }),
  logInterval: count(ANY_COUNT, {
    value: "batches",
    default: "200",
    help: "Batches between two reports.",
  }),
  audit: count(ANY_COUNT, {
    value: "steps",
    help:
      "Every so many steps, compare the sampled gradient with the exact one: is k large enough?",
    absent: 0,
  }),
  checkpointMinutes: number([0, 1e6], {
    value: "n",
    default: "10",
    help:
      "Minutes between two checkpoints (0: after each batch). More are written at each epoch's end, " +
      "at Ctrl-C and SIGTERM (the test follows), and at SIGUSR2 (the run ends; requeue with --resume).",
  }),
  tbName: valued({
    value: "name",
    help: "Also write the record for TensorBoard, to runs/NAME (tensorboard --logdir runs).",
  }, NAME),
});

/** All options by the names of their settings. */
export const OPTIONS = {
  ...RUN,
  ...DATA,
  ...MODEL,
  ...LOSS,
  ...COURSE,
  ...OPTIMIZER,
  ...DISTRIBUTED,
};

/** One run of the program: every option with its checked value. */
export type Settings = SettingsOf<typeof OPTIONS>;
/** Settings that a model is made with, saved in its file. */
export type ModelSettings = SettingsOf<typeof MODEL & typeof LOSS>;
/** How a model is trained. */
export type TrainingSettings = SettingsOf<typeof COURSE & typeof OPTIMIZER & typeof DISTRIBUTED>;

/** Options under one heading of the help text. */
export interface OptionGroup {
  readonly title: string;
  readonly options: OptionTable;
}

/** All options, in the order of the help text. */
export const OPTION_GROUPS: readonly OptionGroup[] = [
  { title: "Run", options: RUN },
  { title: "Data", options: DATA },
  { title: "Model", options: MODEL },
  { title: "Loss", options: LOSS },
  { title: "Training", options: COURSE },
  { title: "Optimizer", options: OPTIMIZER },
  { title: "Several processes", options: DISTRIBUTED },
];
