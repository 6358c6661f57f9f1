/** `--start`: what a run takes from the model that it begins with. */

import { resolve } from "@std/path";
import { toKebabCase } from "@std/text";
import { ALONE, type Communicator } from "../../kernels/mod.ts";
import type { Gpu } from "../../mod.ts";
import type { Vocabulary } from "../data/vocab.ts";
import type { WordTable } from "../data/word_table.ts";
import type { WordModel } from "../model/model.ts";
import type { Given } from "../options/option.ts";
import type { ModelSettings, Settings } from "../options/options.ts";
import { changedOption } from "../options/unchanged.ts";
import { UsageError } from "../shared/errors.ts";
import { isFile, openBytes } from "../shared/files.ts";
import type { Io } from "../shared/io.ts";
import { isOfNoEpoch } from "./best_model.ts";
import { checkpointPath } from "./checkpoint.ts";
import { decodeModel, type ModelFile } from "./model_file.ts";
import { keptSettings } from "./model_settings.ts";
import { findModel, findOutline, modelPath, modelPathOf } from "./open_model.ts";
import { spread } from "./shards.ts";
import type { NumberSource } from "./tensors.ts";

/** The options that the shapes of weights depend on, besides a learned norm term. */
const NETWORK = ["indexModule", "emsize", "nhid", "nlayers", "tied"] as const;

/** The settings that say where a run's words are. */
type Started = Pick<Settings, "save" | "resume"> & { readonly start: string };

/**
 * The model whose options and words a run takes: that of `--start`. If it is gone, a resumed run takes its own, which
 * has the same; whether it does is checked, as the checkpoint has all options and a hash of the words.
 *
 * @throws {UsageError} If there is none of them to resume with.
 */
function sourceOf({ start, save, resume }: Started): string {
  const path = modelPathOf(start), own = modelPath(save), checkpoint = checkpointPath(save);
  if (isFile(path) || !resume || !isFile(checkpoint)) return start;
  if (isFile(own)) return own;
  throw new UsageError(
    `Cannot resume ${checkpoint}: it needs the words of --start ${start}, and there is no ${path}; restore it`,
  );
}

/**
 * The options of the model that a run starts from, for those that are not given.
 *
 * @throws {UsageError | Failure} As {@linkcode findModel}, or if there is none to resume with.
 */
export function startOptions(started: Started): Given {
  const { settings } = findOutline(sourceOf(started));
  const entries = Object.entries(keptSettings(settings)).map(([name, setting]) =>
    [toKebabCase(name), typeof setting === "boolean" ? setting : String(setting)] as const
  );
  return Object.fromEntries(entries);
}

/**
 * The words of the model that a run starts from; undefined if it starts from none.
 *
 * @param io Is told if they are of another model.
 * @throws {UsageError} If there is no such model, its network is another, or the run would replace it by the one
 *   before.
 * @throws {Failure} If it cannot be read.
 */
export function startWords(settings: Settings, io?: Pick<Io, "err">): WordTable | undefined {
  const { start } = settings;
  if (start === null) return undefined;
  const word = sourceOf({ ...settings, start });
  const { path, vocabulary, settings: own } = findModel(word);
  if (word !== start) {
    io?.err(`warning: there is no ${modelPathOf(start)}: the words are those of ${path}`);
  }
  expectNetwork(path, settings, own);
  expectKept(path, settings);
  return vocabulary.table;
}

/** Throws a UsageError if the model is NAME.previous, which would be that of NAME after the first epoch. */
function expectKept(path: string, { save, resume }: Settings): void {
  const replaced = modelPath(save),
    isPrevious = resolve(path) === resolve(modelPath(`${save}.previous`));
  if (!isPrevious || !isFile(replaced) || isOfNoEpoch(replaced)) return;
  if (resume && isFile(checkpointPath(save))) return; // the model is the run's own
  throw new UsageError(
    `Cannot start from ${path}: ${replaced} would take its place after the first epoch; give another --save`,
  );
}

/** Throws a UsageError unless the model's weights have the shapes of the run's. */
function expectNetwork(path: string, settings: Settings, own: ModelSettings): void {
  const changed = changedOption(settings, { ...settings, ...own }, NETWORK);
  if (changed === undefined) return;
  throw new UsageError(
    `Cannot start from ${path} ${changed}: leave it out, and the model's is taken`,
  );
}

/**
 * Gives `model` the weights that the run starts from, a file of rank 0, on all ranks; without `--start` it stays
 * as it is. A learned norm term starts at the model's, learned or not.
 *
 * @throws {Failure} If the file is damaged, or no longer the one that the words are from.
 */
export async function startWeights(
  gpu: Gpu,
  settings: Settings,
  model: WordModel,
  { table }: Vocabulary,
  communicator: Communicator = ALONE,
): Promise<void> {
  const { start } = settings;
  if (start === null) return;
  const path = modelPathOf(sourceOf({ ...settings, start }));
  using file = communicator.rank === 0 ? openBytes(path, "load") : undefined;
  const saved = file && decodeModel(file, Infinity, table);
  if (saved) expectNetwork(path, settings, saved.settings);
  for (const [name, parameter] of model.parameters()) {
    const source = saved && (saved.parameters.get(name) ?? fixedTerm(saved));
    await spread(gpu, communicator, parameter, source);
  }
}

/** The norm term of a model that has not learned it. */
function fixedTerm({ settings: { normTerm }, vocabulary }: ModelFile): NumberSource {
  const term = typeof normTerm === "number" ? normTerm : Math.log(vocabulary.size);
  return { size: 1, read: () => Float32Array.of(term) };
}
