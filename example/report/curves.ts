/** Parts of a report on the course of training: learning curves, speed, noise and audits. */

import { type Axis, lineChart, type Point } from "./charts.ts";
import type { Html } from "./html.ts";
import { chart, charts, figures, section, show, sparse } from "./parts.ts";
import { type Elapsed, thinned, type Timed } from "./timed_run.ts";
import type { AuditFigures, EpochFigures, TrainFigures } from "./record.ts";
import type { ReportedRun } from "./reported_run.ts";
import { noiseOf } from "../shared/gradient_noise.ts";

/** Most points of a chart, and most rows of a table, of all runs together. */
const MAX_POINTS = 1600, MAX_ROWS = 320;

/** A measure of progress: the axis of a learning curve. */
interface CurveAxis extends Axis {
  readonly of: (elapsed: Elapsed) => number;
}

const BY_EPOCHS: CurveAxis = { label: "epochs", of: ({ epochs }) => epochs };
const BY_TOKENS: CurveAxis = { label: "words trained on", of: ({ tokens }) => tokens };

/** Time in a unit that suits the longest run. */
function timeOf(runs: readonly ReportedRun[]): CurveAxis {
  const ends = runs.flatMap(({ train, epochs }) => [train.at(-1), epochs.at(-1)]);
  const longest = Math.max(...ends.map((end) => end?.at.seconds ?? 0).filter(Number.isFinite));
  const [unit, size] = longest > 7200
    ? ["hours", 3600] as const
    : longest > 120
    ? ["minutes", 60] as const
    : ["seconds", 1] as const;
  return { label: `time in ${unit}`, of: ({ seconds }) => seconds / size };
}

/** The points of a run's curve. */
type Points = (run: ReportedRun, x: CurveAxis) => readonly Point[];

/** Draws a curve of each run. */
function curve(
  runs: readonly ReportedRun[],
  x: CurveAxis,
  y: Axis,
  pointsOf: Points,
  nameOf = ({ name }: ReportedRun) => name,
): Html {
  const most = Math.floor(MAX_POINTS / runs.length);
  const title = `${capital(y.label)} by ${x.label}`;
  const series = runs.map((run) => {
    const points = pointsOf(run, x).filter((point) => point.every(Number.isFinite));
    return { name: nameOf(run), points: thinned(points, most) };
  });
  return chart(title, lineChart({ title: `${title}: ${describe(series)}`, x, y, series }));
}

function capital(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}

/** What a reader hears instead of seeing a chart: where each line begins and ends. */
function describe(
  series: readonly { readonly name: string; readonly points: readonly Point[] }[],
): string {
  return series.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last) return `${name} has none`;
    return `${name} from ${show.number(first[1])} to ${show.number(last[1])}`;
  }).join("; ");
}

type Of<Figures> = (figures: Figures) => number;

function ofReports(y: Of<TrainFigures>): Points {
  return ({ train }, x) => train.map((report) => [x.of(report.at), y(report)]);
}

function ofEpochs(y: Of<EpochFigures>): Points {
  return ({ epochs }, x) => epochs.map((epoch) => [x.of(epoch.at), y(epoch)]);
}

function ofAudits(y: Of<AuditFigures>): Points {
  return ({ audits, train }) => {
    const batches = train[0]?.batches ?? NaN;
    return audits.map((audit) => [audit.step / batches, y(audit)]);
  };
}

/** The columns of a table: what is measured, and its figure in a row. */
type Columns<Row> = Readonly<Record<string, (row: Row) => string>>;

const EPOCH_COLUMNS: Columns<Timed<EpochFigures>> = {
  "epoch": ({ at }) => show.count(at.epochs),
  "words trained on": ({ at }) => show.count(at.tokens),
  "time": ({ at }) => show.time(at.seconds),
  "training loss": ({ trainLoss }) => show.loss(trainLoss),
  "validation perplexity": ({ validPpl }) => show.perplexity(validPpl),
  "without unknown words": ({ validPplKnown }) => show.perplexity(validPplKnown),
  "validation loss": ({ validLoss }) => show.loss(validLoss),
  "learning rate": ({ lr }) => show.number(lr),
  "words a second": ({ tokensPerSecond }) => show.count(tokensPerSecond),
};
const REPORT_COLUMNS: Columns<Timed<TrainFigures>> = {
  "epoch": ({ epoch }) => show.count(epoch),
  "batch": ({ batch, batches }) => `${show.count(batch)} of ${show.count(batches)}`,
  "words trained on": ({ at }) => show.count(at.tokens),
  "time": ({ at }) => show.time(at.seconds),
  "training loss": ({ loss }) => show.loss(loss),
  "learning rate": ({ lr }) => show.number(lr),
  "words a second": ({ tokensPerSecond }) => show.count(tokensPerSecond),
  "hit rate": ({ hitRate }) => show.percent(hitRate),
};
const AUDIT_COLUMNS: Columns<AuditFigures> = {
  "step": ({ step }) => show.count(step),
  "cosine": ({ cosine }) => show.number(cosine),
  "relative bias": ({ bias }) => show.number(bias),
  "noise over signal": (audit) => show.number(noiseOf(audit)),
};

/** A table with some rows of each run, not too many. */
function figuresOf<Row>(
  kind: string,
  runs: readonly ReportedRun[],
  rowsOf: (run: ReportedRun) => readonly Row[],
  columns: Columns<Row>,
): Html {
  const most = Math.floor(MAX_ROWS / runs.length), cells = Object.values(columns);
  return figures({
    caption: `Figures of the ${kind}`,
    head: ["run", ...Object.keys(columns)],
    rows: runs.flatMap((run) =>
      sparse(rowsOf(run), most).map((row) => [run.name, ...cells.map((cell) => cell(row))])
    ),
  });
}

/** Training loss and validation perplexity against epochs, words and time. */
export function learningCurves(runs: readonly ReportedRun[]): Html {
  const axes = [BY_EPOCHS, BY_TOKENS, timeOf(runs)];
  const perplexity = { label: "validation perplexity", log: true };
  const loss = { label: "training loss" }, validLoss = { label: "validation loss" };
  const withLoss = ({ name, config }: ReportedRun) =>
    typeof config["loss"] === "string" ? `${name} (loss ${config["loss"]})` : name;
  const hasLoss = runs.some(({ epochs }) => epochs.some((epoch) => !isNaN(epoch.validLoss)));
  return section(
    "Learning curves",
    "The validation perplexity tells how well the model predicts text that it was not trained on: as if it " +
      "chose between so many words, so smaller is better. The training loss is what training makes " +
      "smaller, on average over the words since the last report; compare it only between runs with the same " +
      "loss and noise. Time is that of training and validation.",
    charts(
      ...axes.map((x) => curve(runs, x, perplexity, ofEpochs(({ validPpl }) => validPpl))),
    ),
    charts(
      ...axes.map((x) => curve(runs, x, loss, ofReports(({ loss }) => loss), withLoss)),
      hasLoss && curve(runs, BY_EPOCHS, validLoss, ofEpochs(({ validLoss }) => validLoss)),
    ),
    figuresOf("epochs", runs, ({ epochs }) => epochs, EPOCH_COLUMNS),
    figuresOf("reports", runs, ({ train }) => train, REPORT_COLUMNS),
  );
}

/** Learning rate and speed. */
export function rateAndSpeed(runs: readonly ReportedRun[]): Html {
  return section(
    "Learning rate and speed",
    "The learning rate is the size of training's steps; it falls when an epoch does not improve the " +
      "validation. The speed is that of training alone.",
    charts(
      curve(runs, BY_EPOCHS, { label: "learning rate", log: true }, ofReports(({ lr }) => lr)),
      curve(runs, BY_EPOCHS, { label: "words a second" }, ofReports((r) => r.tokensPerSecond)),
    ),
  );
}

/** Hit rate of the noise, and gradient audits; nothing if no run has any. */
export function noise(runs: readonly ReportedRun[]): Html | undefined {
  const noisy = runs.filter(({ train }) => train.some(({ hitRate }) => Number.isFinite(hitRate)));
  const audited = runs.filter(({ audits }) => audits.length > 0);
  if (noisy.length + audited.length === 0) return undefined;
  const measures: readonly (readonly [Axis, Of<AuditFigures>])[] = [
    [{ label: "cosine of the gradients" }, ({ cosine }) => cosine],
    [{ label: "relative bias" }, ({ bias }) => bias],
    [{ label: "noise over signal" }, noiseOf],
  ];
  return section(
    "Noise",
    "Instead of all words, training looks at a few random ones, the noise. The hit rate is the part of " +
      "the noise that happened to be the right word. An audit (--audit) compares the gradient from noise " +
      "with the exact one: a cosine of 1 is the same direction; the bias is relative to its size, and smaller " +
      "is better. Where the noise is over the signal, more samples pay.",
    charts(
      noisy.length > 0 &&
        curve(noisy, BY_EPOCHS, { label: "hit rate" }, ofReports((r) => r.hitRate)),
      audited.length > 0 &&
        measures.map(([axis, of]) => curve(audited, BY_EPOCHS, axis, ofAudits(of))),
    ),
    audited.length > 0 && figuresOf("audits", audited, ({ audits }) => audits, AUDIT_COLUMNS),
  );
}
