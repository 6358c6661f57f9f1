/** The options of `generate`. */

import { count, flag, number, type OptionTable, type SettingsOf } from "./option.ts";
import { MODEL } from "./options.ts";
import { RUN } from "./run_options.ts";
import { UsageError } from "../shared/errors.ts";

/** Maximum number of candidates when the choice is limited to the best words. */
export const MAX_BEST = 1000;

/** How text is generated and printed. */
export const GENERATE = {
  count: count([1, 1e9], {
    value: "count",
    default: "1",
    help: "Number of texts for each prompt.",
  }),
  length: count([1, 1e9], {
    value: "words",
    default: "100",
    help: "Maximum number of words that follow the prompt.",
  }),
  temperature: number([0, 1000], {
    value: "number",
    default: "1",
    help:
      "Divides the scores: below 1 for likelier words, above 1 for rarer ones, 0 for the most " +
      "probable word each time.",
  }),
  topK: count([1, MAX_BEST], {
    value: "count",
    help: "Go on with one of so many most probable words; without it and --top-p, with any word.",
  }),
  topP: number([0, 1], {
    value: "part",
    help: "Go on with one of the fewest most probable words that together have this probability, " +
      `${MAX_BEST} words at most.`,
  }),
  seed: {
    ...MODEL.seed,
    help: "Random seed: the same seed gives the same texts.",
  },
  unk: flag({ help: "Let <unk> be generated, which stands for all unknown words." }),
  json: flag({ help: "Print a JSON object a line: prompt, text and ended." }),
  cuda: RUN.cuda,
  debug: RUN.debug,
} satisfies OptionTable;

/** The settings of `generate`. */
export type GenerateSettings = SettingsOf<typeof GENERATE>;

/**
 * Rejects an option that the others leave without effect.
 *
 * @throws {UsageError} If candidates are limited, but the best word is always taken.
 */
export function checkChoice({ temperature, topK, topP }: GenerateSettings): void {
  if (temperature > 0) return;
  for (const [option, value] of [["--top-k", topK], ["--top-p", topP]] as const) {
    if (value === null) continue;
    throw new UsageError(`${option} ${value} has no effect with --temperature 0: leave it out`);
  }
}
