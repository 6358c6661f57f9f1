/** Turns command-line options into checked settings; independent of Cliffy and Deno. */

import { DEFAULT_LR } from "./choices.ts";
import { checkEffects, modeOf, uselessOptions } from "./effects.ts";
import { UsageError } from "../shared/errors.ts";
import { evaluationProblem } from "./evaluation_kind.ts";
import { flagOf, type Given, readOptions, withShorthands } from "./option.ts";
import { OPTIONS, type Settings } from "./options.ts";

/** Whether the training loss is a log probability, without a penalty, so that its exponential is a perplexity. */
export function trainsPerplexity({ loss, selfNorm }: Pick<Settings, "loss" | "selfNorm">): boolean {
  return loss === "full" && selfNorm === 0;
}

/** Folder for saved models, in the current folder. */
export const MODEL_FOLDER = "saved_model";

/** The options of the training of the model called `save`. */
export function configPath(save: string): string {
  return `${MODEL_FOLDER}/${save}.config.json`;
}

/** Folder for TensorBoard's event files, in the current folder. */
export const BOARD_FOLDER = "runs";

/**
 * Checks the options and fills in the defaults.
 *
 * @param given Option texts by option name; a missing option gets its default.
 * @param config The same from a configuration file, for options that are not given.
 * @param warn Receives a line for each option of the file that is dropped because others cancel it, and its name.
 * @returns The settings of the run.
 * @throws {UsageError} One line that names the option, the value and the cure.
 */
export function parseSettings(
  given: Given,
  config: Given = {},
  warn: (line: string, option: string) => void = () => {},
): Settings {
  const settings = fillIn(withShorthands(OPTIONS, given), config, warn);
  checkEffects(given, settings);
  if (given["resume"] === true && modeOf(settings) === "test") {
    throw new UsageError("--resume goes on with a training: give --train too, or leave it out");
  }
  checkTogether(settings);
  return settings;
}

/**
 * The settings with defaults. The command line takes precedence over a file, without an error.
 */
function fillIn(
  given: Given,
  config: Given,
  warn: (line: string, option: string) => void,
): Settings {
  const all = { ...config, ...given }, read = readOptions(OPTIONS, all);
  const settings: Settings = {
    ...read,
    // The default of two layers is the LSTM's: an IndexGRU has one.
    ...(read.indexModule === "gru" && all["nlayers"] === undefined && { nlayers: 1 }),
    ...(all["lr"] === undefined && { lr: DEFAULT_LR[read.optimizer] }),
    // Such a model has no probabilities, and so no other test.
    ...(read.train && read.loss === "neg" && all["evaluation"] === undefined &&
      { evaluation: "loss" }),
  };
  const [useless] = uselessOptions(config, settings);
  if (useless === undefined) return settings;
  const option = flagOf(useless.name).slice(2), { [option]: _, ...others } = config;
  const otherwise = fillIn(given, others, warn);
  if (settings[useless.name] !== otherwise[useless.name]) warn(useless.text, option);
  return otherwise;
}

/** Checks that involve several options. */
function checkTogether(settings: Settings): void {
  const { train, optimizer, lr, minLr, weightDecay, evaluation, quiet, verbose } = settings;
  const { loss, audit, shardTables, tableDtype, emsize, syncEvery } = settings;
  if (quiet && verbose) throw new UsageError("--quiet and --verbose contradict: leave one out");
  if (minLr > lr) {
    throw new UsageError(
      `--min-lr ${minLr} is over --lr ${lr}, from which the learning rate falls: give a smaller one`,
    );
  }
  if (optimizer === "sgd" && lr * weightDecay > 1) {
    throw new UsageError(
      `--weight-decay ${weightDecay} takes more from a weight at each step than it has, at ` +
        `--lr ${lr}: their product must be at most 1`,
    );
  }
  if (train && shardTables && loss === "full") {
    throw new UsageError(
      "--loss full needs the whole tables at each step: leave out --shard-tables, or give --loss nce, " +
        "sampled, mix or neg",
    );
  }
  if (train && shardTables && audit > 0) {
    throw new UsageError("--audit needs the whole tables: leave it or --shard-tables out");
  }
  if (train && shardTables && syncEvery > 1) {
    throw new UsageError(
      `--sync-every ${syncEvery} needs the whole tables on each rank: leave it or --shard-tables out`,
    );
  }
  if (shardTables && tableDtype === "f16") {
    throw new UsageError("--shard-tables divides tables of f32: give --table-dtype f32");
  }
  if (tableDtype === "f16" && emsize % 2 > 0) {
    throw new UsageError(
      `--emsize ${emsize} is odd, and --table-dtype f16 stores pairs of numbers: give an even one`,
    );
  }
  if (tableDtype === "f16" && syncEvery > 1) {
    throw new UsageError(
      `--sync-every ${syncEvery} averages tables of f32: give --table-dtype f32`,
    );
  }
  // A saved model's own settings determine how it can be tested.
  const problem = train ? evaluationProblem(settings, evaluation) : undefined;
  if (problem !== undefined) throw new UsageError(problem);
}
