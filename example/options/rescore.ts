/** Options of the command `rescore`, and the systems that it compares. */

import { FORMATS } from "./choices.ts";
import { scoringText } from "./evaluation_kind.ts";
import { UsageError } from "../shared/errors.ts";
import { nearestName } from "../shared/search.ts";
import { choice, flag, number, type OptionTable, orPath, path, type SettingsOf } from "./option.ts";
import { RUN } from "./run_options.ts";
import { MODE, type ScoreMode } from "./scoring.ts";

/** Limits of the weights. */
const WEIGHT = 1e6;

/** How lists are rescored. */
export const RESCORE = {
  mode: MODE,
  format: choice(FORMATS, {
    value: "format",
    help: "Format of the lists: json (an utterance a line), srilm or kaldi; seen from the file " +
      "unless given.",
  }),
  ref: path({
    value: "file",
    help: "What was said: a line an utterance, its name and the words, or the words and (its " +
      "name) as for sclite. Without it, what the lists say.",
  }),
  interpolate: number([0, 1], {
    value: "part",
    default: "1",
    help: "Part of the model in the language score; the rest is the score in the lists (both are " +
      "log probabilities).",
  }),
  lmWeight: number([0, WEIGHT], {
    value: "weight",
    help: "Weight of the language score beside the acoustic one; searched for unless given.",
  }),
  wordPenalty: number([-WEIGHT, WEIGHT], {
    value: "score",
    help: "What is added for each word; searched for unless given.",
  }),
  dev: orPath(number([0.01, 0.99], {
    value: "part",
    default: "0.5",
    help:
      "What weights are searched on: a part of the lists, from the first on (errors are counted " +
      "on the others), or the path of other lists.",
  })),
  out: path({
    value: "path",
    help: "Writes the lists, the best hypothesis first, with the new language scores, in the " +
      "format that they came in.",
  }),
  json: flag({ help: "Print the findings as JSON." }),
  cuda: RUN.cuda,
  debug: RUN.debug,
} satisfies OptionTable;

/** The settings of the command. */
export type RescoreSettings = SettingsOf<typeof RESCORE>;

/** A model and how it scores. */
export interface System {
  readonly name: string;
  /** The model, as on the command line. */
  readonly model: string;
  readonly mode: ScoreMode;
}

/**
 * Systems, joined by commas, each a model and perhaps a mode: `ce,nce:raw,nce:exact`.
 *
 * @throws {UsageError} If a model or a mode is none.
 */
export function systemsOf(word: string, mode: ScoreMode): System[] {
  return word.split(",").map((part) => {
    if (part === "") throw new UsageError(`${JSON.stringify(word)} lacks a model beside a comma`);
    const isPath = part.endsWith(".safetensors");
    const [, model = part, own] = isPath ? [] : /^(.+?):([^\\/]*)$/.exec(part) ?? [];
    const chosen = own === undefined ? mode : modeOf(part, own);
    return {
      name: own === undefined && chosen === "exact" ? model : `${model}:${scoringText(chosen)}`,
      model,
      mode: chosen,
    };
  });
}

/** The mode that a system is given. */
function modeOf(system: string, text: string): ScoreMode {
  const mode = MODE.read(text);
  if (mode !== undefined) return mode;
  const meant = nearestName(text, MODE.choices ?? []);
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  throw new UsageError(
    `The mode of ${system} must be ${MODE.wants}, got ${JSON.stringify(text)}${hint}`,
  );
}
