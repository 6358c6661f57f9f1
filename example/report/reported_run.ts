/** What a report shows of one run: its record, with the times of its events, and its model file. */

import { formatCount } from "../shared/format.ts";
import { Failure } from "../shared/errors.ts";
import { attempt, expectFile, isFile, openBytes } from "../shared/files.ts";
import { nearestName } from "../shared/search.ts";
import type { ModelSettings } from "../options/options.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { parameterCount } from "../model/shapes.ts";
import { findOutline, modelPathOf, savedNames } from "../storage/open_model.ts";
import { type TimedRun, timedRun } from "./timed_run.ts";
import { readRecord, type RunRecord } from "./record.ts";

const MODEL_ENDING = ".safetensors", RECORD_ENDING = ".metrics.jsonl";

/** Paths of a run. */
export interface RunPaths {
  /** The name that the user gave, without an ending. */
  readonly name: string;
  readonly record: string;
  readonly model: string;
}

/** What a model file tells. */
export interface ModelFacts {
  readonly settings: ModelSettings;
  /** Number of words. */
  readonly vocabulary: number;
  readonly parameters: number;
  readonly bytes: number;
}

/** One run of a report. */
export interface ReportedRun extends RunPaths, Omit<RunRecord, keyof TimedRun>, TimedRun {
  /** The model; if there is none, why. */
  readonly file: ModelFacts | string;
}

/** The files of a run: `word` is a NAME in `saved_model`, or the path of one of the two. */
export function runPaths(word: string): RunPaths {
  const model = modelPathOf(
    word.endsWith(RECORD_ENDING) ? word.slice(0, -RECORD_ENDING.length) + MODEL_ENDING : word,
  );
  const base = model.endsWith(MODEL_ENDING) ? model.slice(0, -MODEL_ENDING.length) : model;
  const name = word.endsWith(RECORD_ENDING) || word.endsWith(MODEL_ENDING) ? base : word;
  return { name, record: base + RECORD_ENDING, model: base + MODEL_ENDING };
}

/**
 * Reads a run.
 *
 * @throws {UsageError} If it has no record.
 * @throws {Failure} If the record cannot be read, or no line of it can.
 */
export function readRun(paths: RunPaths): ReportedRun {
  expectFile(paths.record, "record", () => cureOf(paths));
  const text = attempt("read", paths.record, () => Deno.readTextFileSync(paths.record));
  const record = readRecord(text), { train, epochs, tests, adapter } = record;
  if (adapter === undefined && train.length + epochs.length + tests.length === 0) {
    throw new Failure(`Cannot report ${paths.record}: no line of it is an event of a run`);
  }
  return { ...paths, ...record, ...timedRun(record), file: modelFacts(paths.model) };
}

/** Suggestions instead of a missing record. */
function cureOf({ name }: RunPaths): string {
  const nearest = nearestName(name, savedNames(RECORD_ENDING).filter((other) => other !== name));
  return nearest === undefined
    ? `train with --save NAME, which writes ${MODEL_FOLDER}/NAME${RECORD_ENDING}`
    : `did you mean ${nearest}?`;
}

function modelFacts(path: string): ModelFacts | string {
  if (!isFile(path)) return `there is no ${path}`;
  try {
    const { settings, words } = findOutline(path);
    using file = openBytes(path, "load");
    const parameters = parameterCount(settings, words);
    return { settings, vocabulary: words, parameters, bytes: file.size };
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** Remarks on what the record of a run lacks. */
export function remarksOn({ record, earlier, unread, file, adapter }: ReportedRun): string[] {
  const lines = unread === 1 ? "one line of it" : `${formatCount(unread)} lines of it`;
  const runs = earlier === 1 ? "an earlier run" : `${formatCount(earlier)} earlier runs`;
  const remarks = [
    unread > 0 && `${record}: ${lines} cannot be read and is left out, as after a crash`,
    earlier > 0 && `${record} also has ${runs}; this is the last one`,
    adapter === undefined && `${record} lacks its beginning, with the settings and the adapter`,
    typeof file === "string" && `The model is not described: ${file}`,
  ];
  return remarks.filter((remark) => remark !== false);
}
