/** The options of `export` and `import`. */

import { choice, type Option, path } from "./option.ts";
import { LOSS, MODEL } from "./options.ts";
import { RUN } from "./run_options.ts";

/** The option without its default: its setting is null unless it is given. */
function unset<T>({ default: _default, ...option }: Option<T>): Option<T | null> {
  return { ...option, absent: null };
}

/** The options of `export`. */
export const EXPORT = {
  to: choice(["pytorch"], {
    value: "format",
    default: "pytorch",
    help: "What the model is for: a safetensors file with the names and shapes of the original " +
      "(Pytorch-NCE), and the words beside it as JSON.",
  }),
  out: {
    ...path({
      value: "file",
      help: "The file to write, with the ending .safetensors; the words go to the same name with " +
        ".json. Without it, NAME.safetensors in saved_model/pytorch.",
    }),
    wants: "a path that ends in .safetensors",
    read: (text: string) => text.endsWith(".safetensors") ? text : undefined,
  },
};

/** The options of `import`. */
export const IMPORT = {
  vocab: path({
    value: "file",
    help:
      'The words and their counts, {"words": [...], "counts": [...]}, in the order of the ids. ' +
      "Without it, the file's name with .json.",
  }),
  save: {
    ...unset(RUN.save),
    help: "Name of the model, saved_model/NAME.safetensors; without it, that of the file.",
  },
  dropout: unset(MODEL.dropout),
  loss: unset(LOSS.loss),
  noiseRatio: unset(LOSS.noiseRatio),
  normTerm: {
    ...unset(LOSS.normTerm),
    help: "Log of the normalising constant that nce assumes: a number, or auto (also -1) for the " +
      "log of the vocabulary size.",
    wants: "auto or a number from -1000 to 1000",
    choices: ["auto"],
    // Pytorch-NCE cannot learn the norm term.
    read: (text: string) => text === "learned" ? undefined : LOSS.normTerm.read(text),
  },
};
