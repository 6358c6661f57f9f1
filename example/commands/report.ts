/** `report`: one HTML file on one or several runs. */

import { type Given, readOptions } from "../options/option.ts";
import { REPORT } from "../options/report.ts";
import { MODEL_FOLDER } from "../options/settings.ts";
import { MAX_SERIES } from "../report/charts.ts";
import { isPage, pageOf } from "../report/page.ts";
import { readRun, type RunPaths, runPaths } from "../report/reported_run.ts";
import { reasonOf, UsageError } from "../shared/errors.ts";
import { isFolder, writeFileAtomically } from "../shared/files.ts";
import { labelled } from "../shared/format.ts";
import type { Io } from "../shared/io.ts";
import { checkOutput, textKind } from "../shared/output.ts";
import { isLocked } from "../storage/lock.ts";

/** Milliseconds between two looks at the records. */
const PAUSE_MS = 2000;
/** Longest default name of a file, with its ending. */
const MAX_NAME = 200;

/** The program that opens a file with what the user has chosen for its kind. */
export const OPENER = { darwin: "open", windows: "explorer" }[Deno.build.os as string] ??
  "xdg-open";

/** The parts of a report that depend on the machine. */
export interface ReportOptions {
  /** Whether {@linkcode OPENER} may be run. */
  readonly mayOpen: boolean;
  /** Waits until it is time for another look; returns false if the user wants to end. */
  readonly pause?: () => Promise<boolean>;
}

/** Paths that a report reads and the file that it writes; throws a UsageError if that is known to be a folder. */
export function reportPaths(words: readonly string[], given: Given) {
  const { out } = readOptions(REPORT, given), runs = words.map(runPaths);
  if (out !== null && isFolder(out)) {
    throw new UsageError(`Cannot write ${out}: it is a folder; give a file`);
  }
  return { runs, out: out ?? `${MODEL_FOLDER}/${reportName(runs)}.report.html` };
}

/** A name for the default file. */
function reportName(runs: readonly RunPaths[]): string {
  const names = runs.map(({ record }) => record.split(/[\\/]/).at(-1)!.split(".metrics.jsonl")[0]!);
  const joined = names.join("+");
  const isShort = new TextEncoder().encode(joined).length <= MAX_NAME;
  return isShort ? joined : `${names[0]}+${names.length - 1}`;
}

/**
 * Writes the report.
 *
 * @throws {UsageError} If a run has no record, is named twice, or there are too many, or if a file that is no
 *   report would be replaced.
 * @throws {Failure} If a record cannot be read, or the file cannot be written.
 */
export async function report(
  words: readonly string[],
  given: Given,
  io: Io,
  { mayOpen, pause = pauseUntilSignal }: ReportOptions,
): Promise<void> {
  const { open, watch } = readOptions(REPORT, given), { runs, out } = reportPaths(words, given);
  checkRuns(runs);
  checkOutput([out], textKind("report", isPage));
  const write = (isWatched: boolean) =>
    writeFileAtomically(out, pageOf(runs.map(readRun), isWatched));
  let isWatched = watch && runs.some(isGoingOn);
  write(isWatched);
  io.result(labelled("report", out));
  if (open) await openReport(out, mayOpen, io);
  if (watch && !isWatched) io.err("warning: none of these runs is going on: nothing to watch");
  if (isWatched) io.out(labelled("watching", "Ctrl-C ends it"));
  for (let before = stateOf(runs); isWatched;) {
    isWatched = await pause() && runs.some(isGoingOn);
    const now = stateOf(runs);
    if (now !== before || !isWatched) write(isWatched);
    before = now;
  }
}

function checkRuns(runs: readonly RunPaths[]): void {
  if (runs.length > MAX_SERIES) {
    throw new UsageError(
      `A report shows at most ${MAX_SERIES} runs, got ${runs.length}: make several reports`,
    );
  }
  const records = runs.map(({ record }) => record);
  const twice = runs.find(({ record }, i) => records.indexOf(record) < i);
  if (twice !== undefined) {
    throw new UsageError(`The run ${twice.name} is named twice: name it once`);
  }
}

/** Whether a process trains this run. */
function isGoingOn({ record }: RunPaths): boolean {
  return isLocked(record.replace(/metrics\.jsonl$/, "lock"));
}

/** Sizes and times of the files, to see changes. */
function stateOf(runs: readonly RunPaths[]): string {
  return runs.flatMap(({ record, model }) => [record, model]).map((path) => {
    try {
      const { size, mtime } = Deno.statSync(path);
      return `${size} ${mtime?.getTime()}`;
    } catch {
      return ""; // reading it will report what is wrong
    }
  }).join();
}

/** Waits for a while; returns false at Ctrl-C. */
async function pauseUntilSignal(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, PAUSE_MS, true), stop = () => resolve(false);
  Deno.addSignalListener("SIGINT", stop);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    Deno.removeSignalListener("SIGINT", stop);
  }
}

/** Opens the file; if that is not possible, says so. */
async function openReport(path: string, mayOpen: boolean, io: Io): Promise<void> {
  const cannot = (why: string) => io.err(`warning: cannot open ${path}: ${why}; open it yourself`);
  if (!mayOpen) return cannot(`that needs the flag --allow-run=${OPENER}`);
  try {
    const { success } = await new Deno.Command(OPENER, {
      args: [Deno.realPathSync(path)],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    // Windows' explorer reports a failure in any case.
    if (!success && Deno.build.os !== "windows") cannot(`${OPENER} failed`);
  } catch (error) {
    cannot(reasonOf(error));
  }
}
