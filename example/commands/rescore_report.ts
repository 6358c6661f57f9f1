/** The results of rescoring, as a table or as JSON. */

import type { RescoreSettings } from "../options/rescore.ts";
import type { Result } from "../rescoring/contest.ts";
import { MIN_UTTERANCES } from "../rescoring/significance.ts";
import type { Weights } from "../rescoring/weights.ts";
import { formatCount, formatNumber, formatPercent, labelled } from "../shared/format.ts";
import { padded, widthOf } from "../shared/width.ts";

/** Name of the row for the true language. */
export const TRUTH = "true language";

/** How many words of the hypotheses a model does not know. */
export interface UnknownWords {
  readonly model: string;
  readonly words: number;
  readonly unknown: number;
}

/** Sizes that the results refer to. */
export interface RescoreCounts {
  readonly lists: number;
  /** Number of all lists. */
  readonly hypotheses: number;
  /** Number of lists that the weights were tuned on. */
  readonly dev: number;
  /** Number of lists that errors were counted on. */
  readonly test: number;
  /** Number of words in their references. */
  readonly words: number;
  /** The weights of each system, where no errors are counted. */
  readonly weights?: Readonly<Record<string, Weights>>;
  /** The words that each system's model does not know. */
  readonly unknown: readonly UnknownWords[];
}

/** The lines to print. */
export function reportLines(
  counts: RescoreCounts,
  results: readonly Result[],
  { json, dev }: Pick<RescoreSettings, "json" | "dev">,
): string[] {
  if (json) return [JSON.stringify({ ...counts, systems: results })];
  return [
    summaryLine(counts, dev),
    ...unknownLines(counts),
    ...weightLines(counts),
    ...results.length > 0 ? tableLines(results) : [],
  ];
}

/** The weights by which the best hypotheses were chosen where there is no table. */
function weightLines({ weights = {} }: RescoreCounts): string[] {
  return Object.entries(weights).map(([system, { lm, penalty }]) =>
    labelled(
      "weights",
      `${system}: LM weight ${formatNumber(lm)}, penalty ${formatNumber(penalty)}`,
    )
  );
}

/** A line on the words that models do not know; none if they know all. */
function unknownLines({ unknown: all }: RescoreCounts): string[] {
  const texts = all.filter(({ unknown }) => unknown > 0).map(({ model, words, unknown }) =>
    `${formatPercent(unknown, words)} of the words to ${model}`
  );
  return texts.length > 0 ? [labelled("unknown", [...new Set(texts)].join(", "))] : [];
}

function summaryLine(
  { lists, hypotheses, dev, test, words }: RescoreCounts,
  from: RescoreSettings["dev"],
): string {
  const start = labelled(
    "lists",
    `${formatCount(lists)} with ${formatCount(hypotheses)} hypotheses`,
  );
  const where = typeof from === "string"
    ? `${formatCount(dev)} of ${from}`
    : `the first ${formatCount(dev)}`;
  const searched = dev > 0 ? `; weights searched on ${where}` : "";
  if (test === 0) return `${start}${searched}; no references, so no errors are counted`;
  return `${start}${searched}; errors counted on ${formatCount(test)} with ${
    formatCount(words)
  } words`;
}

/** A p-value with three digits; empty if unknown. */
function chance(p: number | undefined): string {
  return p === undefined ? "" : p < 0.001 ? "<0.001" : p.toFixed(3);
}

function tableLines(results: readonly Result[]): string[] {
  const versus = [...new Set(results.flatMap(({ versus }) => Object.keys(versus)))];
  const columns: [string, (result: Result) => string][] = [
    ["system", ({ system }) => system],
    ["WER %", ({ wer }) => wer.toFixed(2)],
    ["95 % interval", ({ interval = [] }) => interval.map((wer) => wer.toFixed(2)).join(" to ")],
    ["sub", ({ substitutions }) => formatCount(substitutions)],
    ["del", ({ deletions }) => formatCount(deletions)],
    ["ins", ({ insertions }) => formatCount(insertions)],
    ["LM weight", ({ weights }) => weights === undefined ? "" : formatNumber(weights.lm)],
    ["penalty", ({ weights }) => weights === undefined ? "" : formatNumber(weights.penalty)],
    ...versus.map((name): typeof columns[0] => [`p, ${name}`, (of) => chance(of.versus[name]?.p)]),
    ["seconds", ({ seconds }) => seconds === undefined ? "" : seconds.toFixed(1)],
  ];
  const head = columns.map(([name]) => name);
  const table = [head, ...results.map((result) => columns.map(([, cell]) => cell(result)))];
  const widths = head.map((_, i) => Math.max(...table.map((row) => widthOf(row[i]!))));
  const lines = table.map((row) =>
    row.map((cell, i) => padded(cell, widths[i]!, i === 0 ? "after" : "before")).join("  ")
      .trimEnd()
  );
  return [
    ...lines,
    ...results.some(({ system }) => system === TRUTH)
      ? [
        `${TRUTH}: the most probable sentences, by the language itself and the channel's own scores`,
      ]
      : [],
    ...results.some(({ interval }) => interval === undefined)
      ? [
        `95 % interval: none from fewer than ${MIN_UTTERANCES} lists, which say too little of others`,
      ]
      : [],
    ...versus.length > 0
      ? [
        "p: chance of such a difference between equal systems, by the permutation test of NIST's matched " +
        "pairs (MAPSSWE); under 0.05 only where 6 segments or more differ",
      ]
      : [],
  ];
}
