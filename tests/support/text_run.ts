/** Complete runs of the program on a test's own texts. */

import { run } from "../../example/commands/run.ts";
import type { Given } from "../../example/options/option.ts";
import { parseSettings } from "../../example/options/settings.ts";
import { type CapturedIo, captureIo } from "./capture_io.ts";
import { inFolder } from "./folder.ts";

/** Test results of a run. */
export interface TextRun {
  readonly io: CapturedIo;
  /** Number of known tokens in the test, and the sum of their -ln p. */
  readonly known: { tokens: number; nll: number };
  /** The same for unknown words. */
  readonly unknown: { tokens: number; nll: number };
  /** Perplexity of all tokens. */
  readonly ppl: number;
}

/** The test in the program's record, limited to the fields used here. */
interface TestEvent {
  event: string;
  ppl: number;
  frequency: { name: string; tokens: number; ppl: number | null }[];
}

/** Trains and tests on the files. */
export function trainOn(files: Record<string, string>, given: Given): Promise<TextRun> {
  return inFolder(async (data) => {
    const io = captureIo();
    // On a GPU, timing the kernels anew in each folder takes longer than the run.
    await run(parseSettings({ data, train: true, autotune: false, ...given }), io);
    const events = Deno.readTextFileSync("saved_model/model.metrics.jsonl").trimEnd().split("\n");
    const { ppl, frequency }: TestEvent = events.map((line) => JSON.parse(line))
      .findLast(({ event }) => event === "test");
    const sumOf = (isWanted: (name: string) => boolean) => {
      const buckets = frequency.filter(({ name, tokens }) => isWanted(name) && tokens > 0);
      return {
        tokens: buckets.reduce((sum, { tokens }) => sum + tokens, 0),
        nll: buckets.reduce((sum, { tokens, ppl }) => sum + tokens * Math.log(ppl!), 0),
      };
    };
    return {
      io,
      ppl,
      known: sumOf((name) => name !== "<unk>"),
      unknown: sumOf((name) => name === "<unk>"),
    };
  }, files);
}
