/** From the words of the command line to checked settings; knows neither Cliffy nor Deno. */

import { checkEffects } from "./effects.ts";
import { UsageError } from "../shared/errors.ts";
import { evaluationProblem } from "./evaluation_kind.ts";
import { type Given, readOptions, withShorthands } from "./option.ts";
import { OPTIONS, type Settings } from "./options.ts";

export {
  INDEX_MODULES,
  isFromBatch,
  isSynthetic,
  LOSSES,
  type NoiseName,
  NOISES,
} from "./choices.ts";
export { ignoredOptions, modeOf, uselessOptions } from "./effects.ts";
export { type EvaluationKind, evaluationProblem, evaluationText } from "./evaluation_kind.ts";
export type { Given } from "./option.ts";
export type { ModelSettings, Settings, TrainingSettings } from "./options.ts";

/** Where models are saved, in the folder where the program is started. */
export const MODEL_FOLDER = "saved_model";

/** Where records for TensorBoard are, in that folder. */
export const BOARD_FOLDER = "runs";

/**
 * Checks the options and fills in the defaults.
 *
 * @param given Option texts by option name; an option that is absent takes its default.
 * @param config Those of a configuration file, for options that are not given.
 * @returns The settings of the run.
 * @throws {UsageError} One line that names the option, the value and the cure.
 */
export function parseSettings(given: Given, config: Given = {}): Settings {
  const all = { ...config, ...withShorthands(OPTIONS, given) };
  const read = readOptions(OPTIONS, all);
  const settings: Settings = {
    ...read,
    // The default of two layers is the LSTM's: an IndexGRU has one.
    ...(read.indexModule === "gru" && all["nlayers"] === undefined && { nlayers: 1 }),
    // Such a model has no probabilities, and so no other test.
    ...(read.train && read.loss === "neg" && all["evaluation"] === undefined &&
      { evaluation: "loss" }),
  };
  checkEffects(given, settings);
  checkTogether(settings);
  return settings;
}

/** What has to do with several options. */
function checkTogether(settings: Settings): void {
  const { train, lr, weightDecay, evaluation, quiet, verbose } = settings;
  if (quiet && verbose) throw new UsageError("--quiet and --verbose contradict: leave one out");
  if (lr * weightDecay > 1) {
    throw new UsageError(
      `--weight-decay ${weightDecay} takes more from a weight at each step than it has, at ` +
        `--lr ${lr}: their product must be at most 1`,
    );
  }
  // A saved model's own settings say how it can be tested.
  const problem = train ? evaluationProblem(settings, evaluation) : undefined;
  if (problem !== undefined) throw new UsageError(problem);
}
