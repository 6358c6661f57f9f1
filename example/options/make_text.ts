/** Options of the command `make-text`. */

import { count, type OptionTable } from "./option.ts";
import { RUN } from "./run_options.ts";

/** Which text to make, and where to write it. */
export const MAKE_TEXT = {
  words: count([1, 1e12], {
    value: "count",
    default: "1000000",
    help: "Number of words in train.txt.",
  }),
  testWords: count([1, 1e12], {
    value: "count",
    help: "Number of words in valid.txt, and in test.txt; without it a tenth of --words, and " +
      "1,000,000 at most.",
  }),
  vocab: count([100, 1e8], {
    value: "count",
    default: "10000",
    help: "Number of different words of the language.",
  }),
  seed: count([0, Number.MAX_SAFE_INTEGER], {
    value: "number",
    default: "1",
    help: "Random seed of the language and of the text.",
  }),
  debug: RUN.debug,
} satisfies OptionTable;
