/** Options of the command `make-nbest`. */

import { FORMATS } from "./choices.ts";
import { choice, count, number, type OptionTable, path } from "./option.ts";
import { RUN } from "./run_options.ts";

/** Which lists to make, and where to write them. */
export const MAKE_NBEST = {
  data: path({
    value: "language",
    default: "synthetic:vocab=5000",
    help:
      "The made-up language, as for training: synthetic with its settings (words, vocab, seed); " +
      "words is the size of the text that the recogniser's own bigram has seen.",
  }),
  lists: count([1, 1e6], { value: "count", default: "1000", help: "Number of utterances." }),
  size: count([1, 1000], { value: "count", default: "50", help: "Most hypotheses of a list." }),
  noise: number([0.01, 10], {
    value: "deviation",
    default: "0.45",
    help: "Standard deviation of what is heard; that of the words' own sounds is 1.",
  }),
  seed: count([0, Number.MAX_SAFE_INTEGER], {
    value: "number",
    default: "1",
    help: "Random seed of the utterances.",
  }),
  format: choice(FORMATS, {
    value: "format",
    default: "json",
    help:
      "json (an utterance a line), srilm or kaldi (a folder); only json tells what is the best " +
      "possible.",
  }),
  out: path({
    value: "path",
    help: "Where the lists go; standard output unless given, which takes json alone. What was " +
      "said goes to PATH.ref beside srilm and kaldi.",
  }),
  debug: RUN.debug,
} satisfies OptionTable;
