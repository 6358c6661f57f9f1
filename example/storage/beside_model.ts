/**
 * What stands beside a model: the options of its run, and the counts of its words. Those of a run wait beside its
 * checkpoint, as NAME.checkpoint.config.json, while a model of another run has the name.
 */

import { configPath, MODEL_FOLDER } from "../options/settings.ts";
import { attempt, isFile, removeIfThere, writeFileAtomically } from "../shared/files.ts";
import { modelPath } from "./open_model.ts";

const ENDINGS = ["config.json", "freq.txt"] as const;

function waiting(save: string): string {
  return `${save}.checkpoint`;
}

function pathOf(name: string, ending: string): string {
  return `${MODEL_FOLDER}/${name}.${ending}`;
}

/** Writes them for a run, which has a model already or not yet. */
export function writeBeside(
  save: string,
  hasModel: boolean,
  texts: Readonly<Record<typeof ENDINGS[number], Iterable<string>>>,
): void {
  const isFree = hasModel || !isFile(modelPath(save));
  for (const ending of ENDINGS) {
    writeFileAtomically(pathOf(isFree ? save : waiting(save), ending), texts[ending]);
    if (isFree) removeIfThere(pathOf(waiting(save), ending));
  }
}

/** The options of the run of the checkpoint: another may have begun and written none. */
export function configPathOfRun(save: string, hasModel: boolean): string {
  const path = configPath(waiting(save));
  return !hasModel && isFile(path) ? path : configPath(save);
}

/** Gives the model of another run, with what stands beside it, the name NAME.previous. */
export function keepPrevious(save: string): void {
  const previous = `${save}.previous`;
  // First, so that they never stand beside a model that is not theirs.
  for (const ending of ENDINGS) removeIfThere(pathOf(previous, ending));
  rename(modelPath(save), modelPath(previous));
  move(save, previous);
}

/** Puts what has waited beside the run's model, which has the name now. */
export function takeWaiting(save: string): void {
  move(waiting(save), save);
}

function move(from: string, to: string): void {
  for (const ending of ENDINGS) {
    if (isFile(pathOf(from, ending))) rename(pathOf(from, ending), pathOf(to, ending));
  }
}

function rename(from: string, to: string): void {
  attempt("write", to, () => Deno.renameSync(from, to));
}
