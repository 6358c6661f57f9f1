/** The beginning of a report: what came out, in a sentence and a table. */

import { format as formatBytes } from "@std/fmt/bytes";
import { type Html, html } from "./html.ts";
import { measureText } from "../options/evaluation_kind.ts";
import { NONE, section, show, table } from "./parts.ts";
import type { Elapsed } from "./timed_run.ts";
import type { EpochFigures } from "./record.ts";
import { type ModelFacts, remarksOn, type ReportedRun } from "./reported_run.ts";

/** Results of all runs, and remarks on their records. */
export function summary(runs: readonly ReportedRun[]): Html {
  const remarks = runs.flatMap(remarksOn);
  return section(
    "Results",
    "A language model guesses each next word of a text. Its perplexity says how well, as if it chose between " +
      "so many words: 1 would be certainty, and the size of the vocabulary a blind guess.",
    html`<ul>${runs.map((run) => html`<li>${sentence(run)}</li>`)}</ul>`,
    table({
      caption: "Results by run",
      head: ["figure", ...runs.map(({ name }) => name)],
      rows: ROWS.map(([measure, figureOf]) => [measure, ...runs.map(figureOf)])
        .filter(([, ...figures]) => figures.some((figure) => figure !== NONE)),
    }),
    remarks.length > 0 &&
      html`
        <h3>Remarks</h3>
        <ul>${remarks.map((remark) => html`<li>${remark}</li>`)}</ul>
      `,
  );
}

/** The epoch with the smallest validation perplexity. */
function bestEpoch(epochs: readonly EpochFigures[]): EpochFigures | undefined {
  return epochs.filter(({ validPpl }) => Number.isFinite(validPpl))
    .sort((a, b) => a.validPpl - b.validPpl)[0];
}

/** The last test that gave a perplexity. */
function lastTest({ tests }: ReportedRun) {
  return tests.findLast(({ ppl }) => Number.isFinite(ppl));
}

function sentence(run: ReportedRun): string {
  const { name, epochs, train, tests } = run;
  const best = bestEpoch(epochs), test = lastTest(run), other = tests.at(-1);
  const time = epochs.at(-1)?.at.seconds ?? NaN;
  const valid = best
    ? `the best validation perplexity is ${show.perplexity(best.validPpl)}, after epoch ` +
      `${best.epoch} of ${epochs.length}`
    : train.length > 0
    ? "no epoch has a validation perplexity yet"
    : "no training is on record";
  const tested = test
    ? `; on the test text it is ${show.perplexity(test.ppl)}`
    : other
    ? `; the ${measureText(other.evaluation)} on the test text is ${
      show.loss(other.loss)
    }, which is no perplexity`
    : "; there is no test yet";
  const took = Number.isFinite(time) ? `; the epochs took ${show.time(time)}` : "";
  return `${name}: ${valid}${tested}${took}.`;
}

/** Rows of the table: what is measured, and the figure of a run. */
const ROWS: readonly (readonly [string, (run: ReportedRun) => string])[] = [
  ["validation perplexity, best", ({ epochs }) => show.perplexity(bestEpoch(epochs)?.validPpl)],
  ["test perplexity", (run) => show.perplexity(lastTest(run)?.ppl)],
  ["without unknown words", (run) => show.perplexity(lastTest(run)?.pplKnown)],
  ["epochs", ({ epochs }) => show.count(epochs.length)],
  ["words trained on", (run) => show.count(lastElapsed(run)?.tokens)],
  ["time of training and validation", (run) => show.time(lastElapsed(run)?.seconds)],
  ["words a second in training", ({ epochs }) => show.count(meanSpeed(epochs))],
  ["vocabulary", (run) => show.count(factsOf(run)?.vocabulary ?? run.vocabulary)],
  ["parameters", (run) => show.count(factsOf(run)?.parameters)],
  ["model file", (run) => factsOf(run) ? formatBytes(factsOf(run)!.bytes) : NONE],
  ["adapter", ({ adapter }) => adapter ?? NONE],
];

function factsOf({ file }: ReportedRun): ModelFacts | undefined {
  return typeof file === "object" ? file : undefined;
}

/** What had elapsed at the last event. */
function lastElapsed({ train, epochs }: ReportedRun): Elapsed | undefined {
  const [report, epoch] = [train.at(-1), epochs.at(-1)];
  return report && report.epoch > (epoch?.epoch ?? 0) ? report.at : epoch?.at;
}

function meanSpeed(epochs: readonly EpochFigures[]): number {
  const speeds = epochs.map(({ tokensPerSecond }) => tokensPerSecond).filter(Number.isFinite);
  return speeds.reduce((sum, speed) => sum + speed, 0) / speeds.length;
}
