/** Whole runs of the program on texts that a test writes. */

import { run } from "../../example/commands/run.ts";
import { type Given, parseSettings } from "../../example/options/settings.ts";
import { type CapturedIo, captureIo } from "./capture_io.ts";
import { inFolder } from "./folder.ts";

/** What a run on a text finds on its test. */
export interface TextRun {
  readonly io: CapturedIo;
  /** Tokens of the test, unknown words apart, and the sum of their -ln p. */
  readonly known: { tokens: number; nll: number };
  /** The same of unknown words. */
  readonly unknown: { tokens: number; nll: number };
  /** Perplexity of all tokens. */
  readonly ppl: number;
}

/** The test that the program writes down, as far as it is read here. */
interface TestEvent {
  event: string;
  ppl: number;
  frequency: { name: string; tokens: number; ppl: number | null }[];
}

/** Trains on the files and tests. */
export function trainOn(files: Record<string, string>, given: Given): Promise<TextRun> {
  return inFolder(async (data) => {
    const io = captureIo();
    await run(parseSettings({ data, train: true, ...given }), io);
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
