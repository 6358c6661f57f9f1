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
  /** All that differs from the program's defaults, and the seed. */
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
 * @throws {Failure} If the file cannot be read or is none, has no result of one of the losses, or the same run twice.
 */
export function readResults(path: string, losses: readonly string[] = []): Result[] {
  const results = readLines(path), found = new Set(results.map(({ loss }) => loss));
  const missing = losses.find((loss) => !found.has(loss));
  if (missing !== undefined) {
    throw new Failure(`${path} has no result of ${missing}: there are ${[...found].join(", ")}`);
  }
  const kept = losses.length === 0 ? results : results.filter(({ loss }) => losses.includes(loss));
  for (const some of byText(kept).values()) expectDistinct(path, some);
  return kept;
}

/** Two runs of one seed would pass for two seeds, and the spread would be too small. */
function expectDistinct(path: string, results: readonly Result[]): void {
  const names = results.map(({ text, loss, lr, options: { seed = "none" } }) =>
    `${text}, ${loss}, lr ${lr}, seed ${seed}`
  );
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new Failure(`${path} has two results of ${twice}: take one out`);
  }
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
  return Map.groupBy(results, ({ text, tokens, adapter }) => `${text} ${tokens} ${adapter}`);
}

/** What is known of a run, or is not. */
type Figure = number | null;

/** The ends of the runs on one text; a row is the mean of those that differ in their seed alone. */
export function resultTable(results: readonly Result[]): Table {
  const { text, adapter, date, tokens, best } = results[0]!;
  const fullOf = ({ options: { seed } }: Result) =>
    results.find(({ loss, options }) => loss === "full" && options.seed === seed);
  const rows = [...Map.groupBy(results, ({ loss, lr }) => `${loss} ${lr}`).values()];
  return {
    title: `${text}, ${tokens.toLocaleString("en")} tokens of text`,
    rows: rows.map((runs) => {
      const { loss, lr } = runs[0]!, ends = runs.map(endOf);
      const overFull = (of: (run?: Result) => Figure) =>
        runs.map((run) => ratio(of(run), of(fullOf(run))));
      const ppls = runs.map(pplOf), pplsOverFull = overFull(pplOf);
      return {
        "loss": loss,
        "lr": lr,
        "seeds": runs.map(({ options }) => options.seed ?? "").join(" "),
        "ppl": mean(ppls),
        "ppl std": deviation(ppls),
        "over best": ratio(mean(ppls), best),
        "over full": mean(pplsOverFull),
        "over full std": deviation(pplsOverFull),
        "std ln Z": mean(ends.map(({ stdLogZ }) => stdLogZ)),
        "tokens read": mean(ends.map(({ tokens }) => tokens)),
        "tokens/s": Math.round(mean(runs.map(speedOf))!),
        "speed over full": mean(overFull(speedOf)),
        "seconds": mean(ends.map(({ seconds }) => seconds)),
        "seconds to full + 1 %": mean(runs.map((run) => secondsTo(run, pplOf(fullOf(run))))),
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

function pplOf(run?: Result): Figure {
  return run ? endOf(run).ppl : null;
}

function speedOf(run?: Result): Figure {
  if (run === undefined) return null;
  const { tokens, seconds } = endOf(run);
  return tokens / seconds;
}

/** Seconds until the perplexity is near that of the exact loss. */
function secondsTo({ curve }: Result, exact: Figure): Figure {
  if (exact === null) return null;
  return curve.find(({ ppl }) => ppl !== null && ppl <= NEAR * exact)?.seconds ?? null;
}

function ratio(over: Figure, under: Figure): Figure {
  return over === null || under === null ? null : over / under;
}

/** The mean; `null` if a value is not known. */
function mean(values: readonly Figure[]): Figure {
  const known = values.filter((value) => value !== null);
  if (known.length < values.length) return null;
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** The standard deviation of a single value; `null` if one is not known, or there is only one. */
function deviation(values: readonly Figure[]): Figure {
  const centre = mean(values), { length } = values;
  if (centre === null || length === 1) return null;
  return Math.sqrt(mean(values.map((value) => (value! - centre) ** 2))! * length / (length - 1));
}
