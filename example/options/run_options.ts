/** Options for the task, the model, and the output. */

import { COMPUTES } from "./choices.ts";
import { EVALUATION } from "./evaluation_kind.ts";
import { alike, choice, count, EPOCHS, flag, path, RESULTS, TRAINING, valued } from "./option.ts";

/** Maximum bytes of a name; with a suffix it must still be a valid file name. */
const MAX_NAME_BYTES = 200;

/** The kind of names for files in the program's own folders; a path could point outside. */
export const NAME = {
  wants: `a file name without folders, of at most ${MAX_NAME_BYTES} bytes`,
  read(text: string): string | undefined {
    const isName = /^[^\\/:*?"<>|\p{Cc}]+$/u.test(text) && !/^\.+$/.test(text);
    return isName && new TextEncoder().encode(text).length <= MAX_NAME_BYTES ? text : undefined;
  },
  /** The name in a path. */
  meant: (text: string): string | undefined => NAME.read(text.replace(/^.*[\\/]/, "")),
};

/** The same without the ending of a model file. */
const MODEL_NAME = {
  ...NAME,
  isModel: true,
  read: (text: string) => NAME.read(withoutEnding(text)),
  meant: (text: string) => NAME.meant(withoutEnding(text)),
};

function withoutEnding(text: string): string {
  return text.replace(/\.safetensors$/, "");
}

/** The task and the model. */
export const RUN = alike({ mayChange: true }, {
  train: flag({ help: "Train a model; without it the saved model is tested." }),
  resume: flag({
    help: "With --train and the same options, go on from the checkpoint of a run that was " +
      "stopped, or start anew if there is none.",
    modes: EPOCHS,
  }),
  start: valued({
    value: "model",
    help:
      "Start from the weights of a model, a NAME in saved_model or a path: its words, network and loss " +
      "are taken, unless another loss is given.",
    modes: TRAINING,
    mayChange: false,
    addedLater: true,
  }, {
    wants: "the name of a model or its path",
    isModel: true,
    isPath: true,
    read: (text: string): string | undefined => text,
  }),
  save: valued({
    value: "name",
    default: "model",
    help: "Name of the model: saved_model/NAME.safetensors and NAME.metrics.jsonl.",
    modes: RESULTS,
  }, MODEL_NAME),
  evaluation: EVALUATION,
  evalTokens: count([1, 1e12], {
    value: "count",
    help: "Validate and test on a fixed random part of so many tokens, and give the standard " +
      "error; without it, on all.",
    modes: RESULTS,
    mayChange: false,
  }),
  prof: flag({ help: "Run one batch and print where the time went." }),
  cuda: flag({ help: "Insist on a hardware GPU; without it the best adapter is taken." }),
  compute: choice(COMPUTES, {
    value: "type",
    default: "f32",
    help:
      "Precision in which products read the weights of the LSTM, the GRU and the projection: f32, or " +
      "f16, half the bytes (for GPUs with shader-f16). Sums, gradients and files stay f32.",
    mayChange: false,
    addedLater: true,
  }),
  autotune: flag({
    help: "On a GPU, take the kernels that are the fastest there: they are timed once, and the " +
      "choice is kept in saved_model/tuning.json. --no-autotune takes the fixed ones.",
  }, true),
  config: path({
    value: "file",
    help: "Options as JSON by their names, with comments if you like; those given here win, and " +
      "--no-NAME turns a switch off. Each training writes all of its own to " +
      "saved_model/NAME.config.json.",
  }),
  quiet: flag({ help: "Print results, warnings and errors only." }),
  verbose: flag({
    help: "Print all settings, every report also beside a bar, and the memory taken on the GPU.",
  }),
  debug: flag({ help: "Show the stack trace of an error." }),
});
