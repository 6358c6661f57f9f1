/** The course of training in a report: which curves there are, where they run, and their tables. */

import { assertEquals } from "@std/assert";
import { learningCurves, noise, rateAndSpeed } from "../../../example/report/curves.ts";
import type { Html } from "../../../example/report/html.ts";
import { linkedom } from "../../../example/report/libraries.ts";
import { readRecord } from "../../../example/report/record.ts";
import type { ReportedRun } from "../../../example/report/reported_run.ts";
import { timedRun } from "../../../example/report/timed_run.ts";
import type { MetricsEvent } from "../../../example/storage/metrics.ts";
import { madeUpEvents, recordText } from "../../support/report_runs.ts";

const NCE = madeUpEvents({ nce: true, audit: "50" }, 2), FULL = madeUpEvents({ loss: "full" }, 2);

function run(name: string, events: readonly MetricsEvent[]): ReportedRun {
  const record = readRecord(recordText(events));
  return { name, record: "", model: "", ...record, ...timedRun(record), file: "none" };
}

function find(html: Html | undefined, selector: string) {
  const document = new linkedom.DOMParser().parseFromString(html?.source ?? "", "text/html");
  return [...document.querySelectorAll(selector)];
}

/** What each chart is said to show. */
function titles(html: Html | undefined): string[] {
  return find(html, "svg").map((svg) => String(svg.getAttribute("aria-label")));
}

/** The head and the first row of each table. */
function tables(html: Html | undefined): string[][][] {
  const cells = (row: { readonly children: Iterable<{ textContent: string | null }> }) =>
    [...row.children].map(({ textContent }) => String(textContent));
  return find(html, "table").map((table) =>
    [...table.querySelectorAll("tr")].slice(0, 2).map(cells)
  );
}

/** The same events, with other fields for those of epochs. */
function withEpochs(events: readonly MetricsEvent[], fields: object): MetricsEvent[] {
  return events.map((event) => event.event === "epoch" ? { ...event, ...fields } : event);
}

Deno.test("learningCurves() names each run, and where its line begins and ends", () => {
  const [start, ...headless] = NCE;
  const runs = [
    run("a", withEpochs(NCE, { validLoss: 3.5 })),
    run("b", [start!]),
    run("c", headless),
  ];
  const perplexity = "a from 400 to 200; b has none; c from 400 to 200";
  const loss = "a (loss nce) from 5.438 to 4.688; b (loss nce) has none; c from 5.438 to 4.688";
  assertEquals(titles(learningCurves(runs)), [
    `Validation perplexity by epochs: ${perplexity}`,
    `Validation perplexity by words trained on: ${perplexity}`,
    `Validation perplexity by time in seconds: ${perplexity}`,
    `Training loss by epochs: ${loss}`,
    `Training loss by words trained on: ${loss}`,
    `Training loss by time in seconds: ${loss}`,
    "Validation loss by epochs: a from 3.5 to 3.5; b has none; c has none",
  ]);
});

Deno.test("learningCurves() tells time in a unit that suits the longest run", () => {
  /** The axis' last figure, and its label. */
  const axisOf = (...runs: ReportedRun[]) => {
    const texts = find(learningCurves(runs), "figure:nth-child(3) text")
      .map(({ textContent }) => String(textContent));
    const label = texts.findIndex((text) => text.startsWith("time"));
    return texts.slice(label - 1, label + 1);
  };
  const ofEpochs = (seconds: number) =>
    axisOf(run("short", NCE), run("a", withEpochs(NCE, { seconds })));
  assertEquals([60, 60.5, 3600, 3600.5].map(ofEpochs), [
    ...[["120", "time in seconds"], ["2", "time in minutes"]],
    ...[["120", "time in minutes"], ["2", "time in hours"]],
  ]);
  // In the epoch after the last that has ended, beside a run without times.
  const { train, epochs, ...rest } = run("a", NCE), [first] = epochs, last = train.at(-1)!;
  const at = (seconds: number) => ({ ...last, at: { ...last.at, seconds } });
  const going = { ...rest, epochs: [first!], train: [...train, at(7201)] };
  const lost = { ...rest, epochs: [], train: [at(NaN)] };
  assertEquals(axisOf(going, lost)[1], "time in hours");
  assertEquals(axisOf(lost)[1], "time in seconds");
});

Deno.test("rateAndSpeed() and noise() draw what the runs have", () => {
  const a = run("a", NCE),
    b = run("b", FULL),
    audits = [
      "Cosine of the gradients by epochs: a from 0.5 to 0.5",
      "Relative bias by epochs: a from 0.25 to 0.125",
      "Noise over signal by epochs: a from 2.828 to 2.828",
    ];
  assertEquals(titles(rateAndSpeed([a])), [
    "Learning rate by epochs: a from 1 to 0.5",
    "Words a second by epochs: a from 2000 to 2000",
  ]);
  const [first, ...others] = a.train, unknown = { ...first!, lr: NaN };
  assertEquals(
    titles(rateAndSpeed([{ ...a, train: [unknown, ...others, unknown] }]))[0],
    "Learning rate by epochs: a from 1 to 0.5",
    "not from or to what is not known",
  );
  const hits = "Hit rate by epochs: a from 0.01563 to 0.007813";
  assertEquals(titles(noise([a, b])), [hits, ...audits]);
  assertEquals(titles(noise([{ ...a, audits: [] }, b])), [hits]);
  assertEquals(titles(noise([{ ...b, name: "a", audits: a.audits }, b])), audits);
  assertEquals(noise([b]), undefined);
  const unplaced = { ...a, train: [], audits: a.audits.slice(0, 1) };
  assertEquals(titles(noise([unplaced]))[0], "Cosine of the gradients by epochs: a has none");
  const ticks = find(noise([a]), "figure:last-child text").map(({ textContent }) => textContent);
  assertEquals([ticks.includes("2"), ticks.includes("200")], [true, false], "epochs, not steps");
});

Deno.test("the tables of the curves have all figures", () => {
  const a = run("a", withEpochs(NCE, { validLoss: 3.5, validPplKnown: 99.5 }));
  const train = ["words trained on", "time", "training loss"];
  assertEquals([...tables(learningCurves([a])), ...tables(noise([a]))], [
    [
      ["run", "epoch", ...train, "validation perplexity", "without unknown words"]
        .concat("validation loss", "learning rate", "words a second"),
      ["a", "1", "20,000", "13s", "5.0000", "400.00", "99.50", "3.5000", "1", "2,000"],
    ],
    [
      ["run", "epoch", "batch", ...train, "learning rate", "words a second", "hit rate"],
      ["a", "1", "20 of 100", "4,000", "2s", "5.4375", "1", "2,000", "1.563 %"],
    ],
    [
      ["run", "step", "cosine", "relative bias", "noise over signal"],
      ["a", "100", "0.5", "0.25", "2.828"],
    ],
  ]);
});
