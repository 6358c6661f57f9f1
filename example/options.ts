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
        help: "What scores a word: linear; gru (contrast at the input) is not available yet.",
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
        help: "Training loss: full (exact softmax), nce, sampled (sampled softmax) or mix " +
          "(mean of nce and sampled). Evaluation always uses full.",
      },
      { name: "nce", help: "Short for --loss nce." },
      {
        name: "noise-ratio",
        value: "count",
        default: "50",
        help: "Noise words per batch, shared by its tokens (nce, sampled, mix).",
      },
      {
        name: "norm-term",
        value: "number",
        default: "9",
        help: "Log of the normalising constant that nce assumes: a number, or auto (also -1) " +
          "for the log of the vocabulary size; learned is not available yet.",
      },
    ],
  },
  {
    title: "Training",
    options: [
      { name: "epochs", value: "count", default: "40", help: "Most passes over the text." },
      { name: "batch-size", value: "count", default: "20", help: "Sequences in a batch." },
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
