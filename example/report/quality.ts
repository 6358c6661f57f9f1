/** Parts of a report on the finished model: perplexity by word frequency, and self-normalisation. */

import { BUCKETS, rawVerdict, SAFE_SHIFT, SAFE_STD } from "../evaluation/card.ts";
import { dotChart, histogram } from "./charts.ts";
import type { Html } from "./html.ts";
import { chart, charts, figures, NONE, section, show, table } from "./parts.ts";
import type { BucketFigures, CardFigures } from "./record.ts";
import type { ReportedRun } from "./reported_run.ts";

/** Perplexity by frequency in the last exact test; nothing if there was none. */
export function byFrequency(runs: readonly ReportedRun[]): Html | undefined {
  const tested = runs.flatMap(({ name, tests }) => {
    const frequency = tests.findLast((test) => test.frequency.length > 0)?.frequency;
    return frequency === undefined ? [] : [{ name, frequency }];
  });
  if (tested.length === 0) return undefined;
  const found = (buckets: readonly BucketFigures[], row: string) =>
    buckets.find(({ name }) => name === row)?.ppl ?? NaN;
  const rows = BUCKETS.filter((row) =>
    tested.some(({ frequency }) => Number.isFinite(found(frequency, row)))
  );
  const title = "Test perplexity by word frequency";
  const series = tested.map(({ name, frequency }) => ({
    name,
    values: rows.map((row) => found(frequency, row)),
  }));
  const spoken = series.map(({ name, values }) =>
    `${name} ${rows.map((row, i) => `${row} ${show.perplexity(values[i]!)}`).join(", ")}`
  ).join("; ");
  return section(
    "Frequent and rare words",
    "The perplexity of the test text by how often a word is in the training text. Rare words are harder, " +
      "and it is on them that losses and kinds of noise differ most. The head is the most frequent words, " +
      "which are half of the training text, the torso the next ones, up to 90 %, and the tail all others; " +
      "<unk> stands for words outside the vocabulary.",
    charts(
      chart(
        title,
        dotChart({
          title: `${title}: ${spoken}`,
          x: { label: "perplexity", log: true },
          rows,
          series,
        }),
      ),
    ),
    table({
      caption: "Perplexity by word frequency",
      head: ["run", "range", "words", "words of the test", "perplexity"],
      rows: tested.flatMap(({ name, frequency }) =>
        frequency.map(({ name: bucket, words, tokens, ppl }) => [
          name,
          bucket,
          show.count(words),
          show.count(tokens),
          show.perplexity(ppl),
        ])
      ),
    }),
  );
}

/** A run's last self-normalisation, and where it was measured. */
interface LastCard {
  readonly name: string;
  readonly where: string;
  readonly card: CardFigures;
  /** Number of words; NaN if the record has lost it. */
  readonly vocabulary: number;
}

function lastCard({ name, tests, epochs, vocabulary }: ReportedRun): LastCard[] {
  const tested = tests.findLast(({ card }) => card !== undefined)?.card;
  if (tested) return [{ name, where: "test", card: tested, vocabulary }];
  const last = epochs.findLast(({ card }) => card !== undefined);
  if (last?.card === undefined) return [];
  return [{ name, where: `validation of epoch ${last.epoch}`, card: last.card, vocabulary }];
}

/** The mode of `score` that is safe, and why others are not. */
function verdictOf({ card, vocabulary }: LastCard): string {
  const figures = [card.mean, card.std, card.normTerm, card.rawPplBest, vocabulary];
  if (figures.some(Number.isNaN)) return NONE;
  const { mode, why } = rawVerdict(card, vocabulary);
  return why === undefined ? mode : `${mode}: ${why}`;
}

/** Histograms of ln Z; nothing if it was never measured. */
export function logZHistograms(runs: readonly ReportedRun[]): Html | undefined {
  const cards = runs.flatMap(lastCard);
  if (cards.length === 0) return undefined;
  const drawn = cards.flatMap(drawnCard);
  return section(
    "Is ln Z constant?",
    "A model gives every word a score; Z, the sum of e to the power of all scores, turns them into " +
      "probabilities. nce teaches the model to keep ln Z near a constant, the norm term. Where the bars are " +
      "narrow, scores can be used without adding up Z over all words, which is much quicker. With a standard " +
      `deviation up to ${SAFE_STD} the mode raw-best of score and rescore is safe, which takes the mean for ` +
      `the norm term; so is raw, if the norm term is no further than ${SAFE_SHIFT} from the mean.`,
    drawn.length > 0 && charts(...drawn),
    table({
      caption: "Norm terms and deviations",
      head: [
        "run",
        "measured in",
        "norm term",
        "best norm term (mean of ln Z)",
        "standard deviation",
        "safe mode of score",
      ],
      rows: cards.map((last) => [
        last.name,
        last.where,
        show.perplexity(last.card.normTerm),
        show.perplexity(last.card.mean),
        show.perplexity(last.card.std),
        verdictOf(last),
      ]),
    }),
    ...cards.flatMap(barsOf),
  );
}

function drawnCard({ name, where, card: { histogram: bars, normTerm, mean } }: LastCard): Html[] {
  if (bars === undefined) return [];
  const marks = [
    { name: `norm term ${show.perplexity(normTerm)}`, x: normTerm },
    { name: `best norm term ${show.perplexity(mean)}`, x: mean },
  ].filter(({ x }) => Number.isFinite(x));
  const title = `Distribution of ln Z: ${name}, ${where}`;
  const spoken = `from ${show.perplexity(bars.from)} to ${show.perplexity(bars.to)}; ` +
    marks.map((mark) => mark.name).join(", ");
  const axes = { x: { label: "ln Z" }, y: { label: "words" } };
  return [chart(title, histogram({ title: `${title}: ${spoken}`, ...axes, ...bars, marks }))];
}

function barsOf({ name, card: { histogram: bars } }: LastCard): Html[] {
  if (bars === undefined) return [];
  const { from, to, counts } = bars, width = (to - from) / counts.length;
  return [figures({
    caption: `Distribution of ln Z of ${name}`,
    head: ["ln Z from", "to", "words"],
    rows: counts.map((count, i) => [
      (from + i * width).toFixed(3),
      (from + (i + 1) * width).toFixed(3),
      show.count(count),
    ]),
  })];
}
