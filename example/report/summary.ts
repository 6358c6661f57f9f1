/** The beginning of a report: what came out, in a sentence and a table. */

import { format as formatBytes } from "@std/fmt/bytes";
import { type Html, html } from "./html.ts";
import { section, show, table } from "./parts.ts";
import type { EpochFigures } from "./record.ts";
import { remarksOn, type ReportedRun } from "./reported_run.ts";

/** Results of all runs, and remarks on their records. */
export function summary(runs: readonly ReportedRun[]): Html {
  const remarks = runs.flatMap(remarksOn);
  return section(
    "Results",
    "A language model guesses each next word of a text. Its perplexity says how well, as if it chose between " +
      "so many words: 1 would be certainty, and the size of the vocabulary a blind guess.",
    html`<ul>${runs.map((run) => html`<li>${sentence(run)}</li>`)}</ul>`,
    table({
      caption: "Results",
      head: [
        ...["run", "validation perplexity, best", "test perplexity", "without unknown words"],
        ...["epochs", "words trained on", "time", "words a second", "vocabulary", "parameters"],
        ...["model file", "adapter"],
      ],
      rows: runs.map(cells),
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
    .reduce<EpochFigures | undefined>(
      (best, epoch) => best === undefined || epoch.validPpl < best.validPpl ? epoch : best,
      undefined,
    );
}

/** The last test that gave a perplexity. */
function lastTest({ tests }: ReportedRun) {
  return tests.findLast(({ ppl }) => Number.isFinite(ppl));
}

function sentence(run: ReportedRun): string {
  const { name, epochs, train, tests, placed } = run;
  const best = bestEpoch(epochs), test = lastTest(run), other = tests.at(-1);
  const time = placed.epochs.at(-1)?.at.seconds ?? NaN;
  const valid = best
    ? `the best validation perplexity is ${show.perplexity(best.validPpl)}, after epoch ` +
      `${best.epoch} of ${epochs.length}`
    : train.length > 0
    ? "no epoch has a validation perplexity yet"
    : "no training is on record";
  const tested = test
    ? `; on the test text it is ${show.perplexity(test.ppl)}`
    : other
    ? `; the ${other.evaluation} loss on the test text is ${
      show.loss(other.loss)
    }, which is no perplexity`
    : "; there is no test yet";
  const took = Number.isFinite(time) ? `; the epochs took ${show.time(time)}` : "";
  return `${name}: ${valid}${tested}${took}.`;
}

function cells(run: ReportedRun): readonly string[] {
  const { name, epochs, placed, file, adapter, vocabulary } = run, test = lastTest(run);
  const at = placed.epochs.at(-1)?.at ?? placed.train.at(-1)?.at;
  const model = typeof file === "object" ? file : undefined;
  const speeds = epochs.map(({ tokensPerSecond }) => tokensPerSecond).filter(Number.isFinite);
  const speed = speeds.reduce((sum, value) => sum + value, 0) / speeds.length;
  return [
    name,
    show.perplexity(bestEpoch(epochs)?.validPpl ?? NaN),
    show.perplexity(test?.ppl ?? NaN),
    show.perplexity(test?.pplKnown ?? NaN),
    show.count(epochs.length),
    show.count(at?.tokens ?? NaN),
    show.time(at?.seconds ?? NaN),
    show.count(speed),
    show.count(model?.vocabulary ?? vocabulary),
    show.count(model?.parameters ?? NaN),
    model ? formatBytes(model.bytes) : "none",
    adapter ?? "not on record",
  ];
}
