/** Every option of the command line: its name, value, default and help text, in help order. */

/** One option; without `value` it is a switch. */
export interface OptionSpec {
  /** Name without the leading dashes, such as `min-freq`. */
  readonly name: string;
  /** What stands for the value in the help text. */
  readonly value?: string;
  /** The value taken when the option is not given. */
  readonly default?: string;
  /** What the option does, one sentence. */
  readonly help: string;
}

/** Options that the help text shows under one heading. */
export interface OptionGroup {
  /** Heading. */
  readonly title: string;
  /** The options under it. */
  readonly options: readonly OptionSpec[];
}

/** All options, grouped as the help text shows them. */
export const OPTION_GROUPS: readonly OptionGroup[] = [
  {
    title: "Run",
    options: [
      { name: "train", help: "Train a model; without it the saved model is evaluated." },
      {
        name: "save",
        value: "name",
        default: "model",
        help: "Name of the model: saved_model/NAME.safetensors and NAME.metrics.jsonl.",
      },
      { name: "prof", help: "Run one batch and print where the time went." },
      { name: "cuda", help: "Insist on a hardware GPU; without it the best adapter is taken." },
      { name: "seed", value: "number", default: "1111", help: "Random seed." },
      {
        name: "log-interval",
        value: "batches",
        default: "200",
        help: "Batches between two reports.",
      },
      {
        name: "tb-name",
        value: "name",
        help: "Name of a TensorBoard record. Not available yet.",
      },
      { name: "debug", help: "Show the stack trace of an error." },
    ],
  },
  {
    title: "Data",
    options: [
      {
        name: "data",
        value: "path",
        default: "synthetic",
        help: "Folder with train.txt, valid.txt and test.txt, a sentence a line; or " +
          "synthetic[:words=...,vocab=...,seed=...], a language made up by the program.",
      },
      {
        name: "vocab",
        value: "file",
        help: "Vocabulary file, a word a line; without it the words of train.txt.",
      },
      {
        name: "min-freq",
        value: "count",
        default: "1",
        help: "Rarer words become <unk>.",
      },
      {
        name: "concat",
        help: "Train on the text joined with <s> and cut into pieces of --bptt words, " +
          "not on separate sentences.",
      },
      { name: "bptt", value: "words", default: "35", help: "Longest training sequence." },
      {
        name: "carry-state",
        help: "With --concat, carry the hidden state from one piece to the next.",
      },
    ],
  },
  {
    title: "Model",
    options: [
      { name: "emsize", value: "size", default: "200", help: "Size of the word embeddings." },
      { name: "nhid", value: "size", default: "200", help: "Hidden units per LSTM layer." },
      { name: "nlayers", value: "count", default: "2", help: "Number of LSTM layers." },
      {
        name: "dropout",
        value: "rate",
        default: "0.2",
        help: "Dropout applied to the layers (0 = none).",
      },
      {
        name: "index-module",
        value: "module",
        default: "linear",
        help: "What scores a word: linear (a layer on top of the LSTM), or gru (a GRU that reads " +
          "the word itself; takes the place of the whole model).",
      },
    ],
  },
  {
    title: "Loss",
    options: [
      {
        name: "loss",
        value: "loss",
        default: "full",
        help: "Training loss: full (exact softmax), nce, sampled (sampled softmax), mix (mean of " +
          "nce and sampled) or neg (negative sampling; gives no probabilities).",
      },
      { name: "nce", help: "Short for --loss nce." },
      {
        name: "noise-ratio",
        value: "count",
        default: "50",
        help: "Noise samples for a target, k; shared by all targets of a batch.",
      },
      { name: "per-word", help: "Draw noise for every target." },
      {
        name: "noise",
        value: "source",
        default: "unigram",
        help:
          "Where noise comes from: unigram, uniform, log-uniform, batch (the other targets of " +
          "the batch), or batch with another, such as batch+unigram.",
      },
      {
        name: "noise-power",
        value: "number",
        default: "1",
        help: "Exponent of the word counts in unigram noise.",
      },
      {
        name: "noise-uniform",
        value: "part",
        default: "0",
        help: "Part of uniform noise that is mixed into unigram noise.",
      },
      { name: "unique", help: "Draw different samples (--loss sampled only)." },
      {
        name: "remove-hits",
        help: "Leave out samples that equal the target (--loss sampled only).",
      },
      {
        name: "norm-term",
        value: "number",
        default: "9",
        help: "Log of the normalising constant that nce assumes: a number, auto (also -1) " +
          "for the log of the vocabulary size, or learned.",
      },
      {
        name: "self-norm",
        value: "alpha",
        default: "0",
        help: "Weight of a penalty on the square of the estimated log normaliser.",
      },
      {
        name: "evaluation",
        value: "kind",
        default: "full",
        help:
          "How the test is scored: full (normalised: a perplexity), nce (raw scores less the norm " +
          "term), sampled:K (the sampled loss of K samples) or loss (the training loss).",
      },
      {
        name: "audit",
        value: "steps",
        help: "Every so many steps, compare the sampled gradient with the exact one.",
      },
    ],
  },
  {
    title: "Training",
    options: [
      { name: "epochs", value: "count", default: "40", help: "Most passes over the text." },
      {
        name: "batch-size",
        value: "count",
        default: "20",
        help: "Sentences of mean length in a batch; with --concat, rows of --bptt words.",
      },
      { name: "lr", value: "rate", default: "1", help: "Initial learning rate." },
      {
        name: "lr-decay",
        value: "factor",
        default: "2",
        help: "Divides the learning rate when the validation perplexity does not improve.",
      },
      {
        name: "clip",
        value: "norm",
        default: "0.25",
        help: "Largest global norm of the gradients.",
      },
      {
        name: "weight-decay",
        value: "rate",
        default: "1e-5",
        help: "Weight decay added to the gradients.",
      },
    ],
  },
];
