/** Results of `deno task bench:quality` as JSON lines and tables. */

import { Failure, reasonOf } from "../example/shared/errors.ts";
import type { Point, Trial } from "./learning.ts";
import type { Table } from "./table.ts";

/** One model, trained. */
export interface Result {
  readonly date: string;
  readonly adapter: string;
  /** Name of the text. */
  readonly text: string;
  /** V, marks included. */
  readonly vocabulary: number;
  /** Tokens of the training text. */
  readonly tokens: number;
  /** The loss by its short name. */
  readonly loss: string;
  /** All that differs from the program's defaults. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly lr: number;
  /** The learning rates that were tried, the best first. */
  readonly trials: readonly Trial[];
  /** Perplexity of the true probabilities, if known. */
  readonly best: number | null;
  /** The model after each part of the training. */
  readonly curve: readonly Point[];
}

/** How near to the exact loss counts as equal. */
const NEAR = 1.01;

/**
 * Reads JSON lines.
 *
 * @param losses Those to keep; all if there are none.
 * @throws {Failure} If the file cannot be read or is none, or has no result of one of the losses.
 */
export function readResults(path: string, losses: readonly string[] = []): Result[] {
  const results = readLines(path), found = new Set(results.map(({ loss }) => loss));
  const missing = losses.find((loss) => !found.has(loss));
  if (missing !== undefined) {
    throw new Failure(`${path} has no result of ${missing}: there are ${[...found].join(", ")}`);
  }
  return losses.length === 0 ? results : results.filter(({ loss }) => losses.includes(loss));
}

function readLines(path: string): Result[] {
  try {
    const lines = Deno.readTextFileSync(path).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Result);
  } catch (error) {
    throw new Failure(`Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Results of each text on each adapter. */
export function byText(results: readonly Result[]): Map<string, Result[]> {
  return Map.groupBy(results, ({ text, adapter }) => `${text} ${adapter}`);
}

/** The end of each run on one text. */
export function resultTable(results: readonly Result[]): Table {
  const { text, adapter, date, tokens, best } = results[0]!;
  const full = results.find(({ loss }) => loss === "full");
  const exact = full && endOf(full).ppl, speed = full && speedOf(full);
  return {
    title: `${text}, ${tokens.toLocaleString("en")} tokens of text`,
    rows: results.map((result) => {
      const { tokens, ppl, stdLogZ, seconds } = endOf(result);
      return {
        "loss": result.loss,
        "lr": result.lr,
        "ppl": ppl,
        "over best": ratio(ppl, best),
        "over full": ratio(ppl, exact),
        "std ln Z": stdLogZ,
        "tokens read": tokens,
        "tokens/s": Math.round(speedOf(result)),
        "speed over full": ratio(speedOf(result), speed),
        "seconds": seconds,
        "seconds to full + 1 %": exact ? secondsTo(result, NEAR * exact) : null,
      };
    }),
    notes: [
      `${date}, ${adapter}.${
        best === null ? "" : ` Best possible perplexity: ${best.toFixed(2)}.`
      }`,
    ],
  };
}

function endOf({ curve }: Result): Point {
  return curve.at(-1)!;
}

function speedOf(result: Result): number {
  const { tokens, seconds } = endOf(result);
  return tokens / seconds;
}

function secondsTo({ curve }: Result, ppl: number): number | null {
  return curve.find((point) => point.ppl !== null && point.ppl <= ppl)?.seconds ?? null;
}

function ratio(over: number | null, under: number | null | undefined): number | null {
  return over === null || under === null || under === undefined ? null : over / under;
}
