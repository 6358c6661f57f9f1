/** Every option of the command line, in help order. */

import { LOSS_OPTIONS } from "./loss_options.ts";
import {
  ANY_COUNT,
  COEFFICIENT,
  EPOCHS,
  type Idle,
  type OptionGroup,
  RESULTS,
  TRAINING,
} from "./option_spec.ts";

const SYNTHETIC: Idle = { data: /^synthetic(:|$)/ };

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
        modes: RESULTS,
      },
      { name: "prof", help: "Run one batch and print where the time went." },
      { name: "cuda", help: "Insist on a hardware GPU; without it the best adapter is taken." },
      {
        name: "seed",
        value: "number",
        range: [0, Number.MAX_SAFE_INTEGER],
        default: "1111",
        help: "Random seed.",
        modes: TRAINING,
      },
      {
        name: "log-interval",
        value: "batches",
        range: ANY_COUNT,
        default: "200",
        help: "Batches between two reports.",
        modes: EPOCHS,
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
        help: "Folder with train.txt, valid.txt and test.txt, a sentence a line; or synthetic, a " +
          "language made up by the program, with settings such as synthetic:vocab=900,seed=2 " +
          "(also words).",
      },
      {
        name: "vocab",
        value: "file",
        help: "Vocabulary file, a word a line; without it the words of train.txt.",
        idle: [SYNTHETIC],
      },
      {
        name: "min-freq",
        value: "count",
        range: ANY_COUNT,
        default: "1",
        help: "Rarer words become <unk>.",
        idle: [SYNTHETIC, { vocab: /./ }],
      },
      {
        name: "concat",
        help: "Train on the text joined with <s> and cut into pieces of --bptt words, " +
          "not on separate sentences.",
        modes: TRAINING,
      },
      {
        name: "bptt",
        value: "words",
        range: [1, 1e6],
        default: "35",
        help: "Longest training sequence.",
        modes: TRAINING,
      },
      {
        name: "carry-state",
        help: "With --concat, carry the hidden state from one piece to the next.",
        modes: TRAINING,
        idle: [{ concat: /^false$/ }, { "index-module": /^gru$/ }],
      },
    ],
  },
  {
    title: "Model",
    options: [
      {
        name: "emsize",
        value: "size",
        range: [1, 65_536],
        default: "200",
        help: "Size of the word embeddings.",
        modes: TRAINING,
      },
      {
        name: "nhid",
        value: "size",
        range: [1, 65_536],
        default: "200",
        help: "Hidden units per LSTM layer.",
        modes: TRAINING,
      },
      {
        name: "nlayers",
        value: "count",
        range: [1, 64],
        default: "2",
        help: "Number of LSTM layers.",
        modes: TRAINING,
        idle: [{ "index-module": /^gru$/, "nlayers": /^(?!1$)/ }],
      },
      {
        name: "dropout",
        value: "rate",
        range: [0, 0.999],
        default: "0.2",
        help: "Dropout applied to the layers (0 = none).",
        modes: TRAINING,
      },
      {
        name: "index-module",
        value: "module",
        default: "linear",
        help: "What scores a word: linear (a layer on top of the LSTM), or gru (a GRU that reads " +
          "the word itself; takes the place of the whole model).",
        modes: TRAINING,
      },
    ],
  },
  LOSS_OPTIONS,
  {
    title: "Training",
    options: [
      {
        name: "epochs",
        value: "count",
        range: [1, 1e6],
        default: "40",
        help: "Maximum number of epochs: passes over the text.",
        modes: EPOCHS,
      },
      {
        name: "batch-size",
        value: "count",
        range: [1, 1e6],
        default: "20",
        help: "Sentences of mean length in a batch; with --concat, rows of --bptt words.",
        modes: TRAINING,
      },
      {
        name: "lr",
        value: "rate",
        range: COEFFICIENT,
        default: "1",
        help: "Initial learning rate.",
        modes: TRAINING,
      },
      {
        name: "lr-decay",
        value: "factor",
        range: [1, 1e30],
        default: "2",
        help: "Divides the learning rate when the validation perplexity does not improve.",
        modes: EPOCHS,
      },
      {
        name: "clip",
        value: "norm",
        range: COEFFICIENT,
        default: "0.25",
        help: "Largest global norm of the gradients.",
        modes: TRAINING,
      },
      {
        name: "weight-decay",
        value: "rate",
        range: [0, 1e30],
        default: "1e-5",
        help: "Weight decay added to the gradients.",
        modes: TRAINING,
      },
    ],
  },
];
