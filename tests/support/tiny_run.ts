/** Complete runs of the program on a small synthetic text, for tests. */

import { run } from "../../example/commands/run.ts";
import type { Given } from "../../example/options/option.ts";
import { parseSettings } from "../../example/options/settings.ts";
import { captureIo } from "./capture_io.ts";

/** Options of a run that takes a second. */
export const TINY: Given = {
  "data": "synthetic:words=2000,vocab=100",
  "emsize": "12",
  "nhid": "12",
  "epochs": "2",
  "noise-ratio": "10",
  "log-interval": "3",
  "autotune": false, // on a GPU it takes longer than the run, and differs from folder to folder
};

/** Runs the program; returns its output. */
export async function runTiny(given: Given): Promise<string[]> {
  const io = captureIo();
  const drawsNoise = (given["nce"] || given["loss"] !== undefined && given["loss"] !== "full") &&
    given["noise"] !== "batch";
  const { "noise-ratio": noiseRatio, ...others } = TINY;
  const samples: Given = drawsNoise ? { "noise-ratio": noiseRatio } : {};
  await run(parseSettings({ ...others, ...samples, ...given }), io);
  return io.outLines;
}

/** The last of these lines. */
export function lastLine(lines: readonly string[]): string {
  return lines[lines.length - 1]!;
}

/** The record of the model `name`. */
export function events(name: string): Record<string, unknown>[] {
  const text = Deno.readTextFileSync(`saved_model/${name}.metrics.jsonl`);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}
