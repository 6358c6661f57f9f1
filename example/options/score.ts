/** Options of the command `score`. */

import { choice, flag, type OptionTable, type SettingsOf } from "./option.ts";
import { RUN } from "./run_options.ts";
import { MODE } from "./scoring.ts";

/** How text is scored and printed. */
export const SCORE = {
  mode: MODE,
  base: choice(["e", "2", "10"], {
    value: "base",
    default: "e",
    help: "Base of the logarithms: e, 2 or 10.",
  }),
  words: flag({ help: "Also print each word, and the end of the sentence as </s>." }),
  json: flag({ help: "Print a JSON object a line; the sums are one, too." }),
  cuda: RUN.cuda,
  debug: RUN.debug,
} satisfies OptionTable;

/** The settings of the command. */
export type ScoreSettings = SettingsOf<typeof SCORE>;
