/** Reports: their figures are those of the records, differences are marked, and nothing in them is run. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { trainingBatches } from "../../../example/data/batches.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { MAX_SERIES } from "../../../example/report/charts.ts";
import { linkedom } from "../../../example/report/libraries.ts";
import { pageOf } from "../../../example/report/page.ts";
import { timedRun } from "../../../example/report/timed_run.ts";
import { readRun, runPaths } from "../../../example/report/reported_run.ts";
import type { MetricsEvent } from "../../../example/storage/metrics.ts";
import { captureIo } from "../../support/capture_io.ts";
import { withGpu } from "../../support/gpu.ts";
import { inFolder } from "../../support/folder.ts";
import { madeUpEvents, recordText } from "../../support/report_runs.ts";
import { saveSmallModel } from "../../support/saved_models.ts";
import { events, lastLine, runTiny, TINY } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const MEGABYTE = 1e6;
const NCE = madeUpEvents({ nce: true, "audit": "50", "emsize": "64" }, 3);
const FULL = madeUpEvents({ "loss": "full", "lr": "0.5" }, 2);

type Records = Readonly<Record<string, readonly MetricsEvent[] | string>>;

/** Calls `body` with the report on records, in a folder that has them. */
function withReport(
  records: Records,
  body: (page: string) => void,
  before: () => void | Promise<void> = () => {},
): Promise<void> {
  return inFolder(async () => {
    Deno.mkdirSync("saved_model");
    for (const [name, events] of Object.entries(records)) {
      const text = typeof events === "string" ? events : recordText(events);
      Deno.writeTextFileSync(`saved_model/${name}.metrics.jsonl`, text);
    }
    await before();
    body(pageOf(Object.keys(records).map((name) => readRun(runPaths(name))), false));
  });
}

function parse(page: string) {
  return new linkedom.DOMParser().parseFromString(page, "text/html");
}

/** The cells of the table with this caption, its head first; undefined if there is none. */
function tableOf(page: string, caption: string): string[][] | undefined {
  const tables = [...parse(page).querySelectorAll("table")];
  const table = tables.find((one) => one.querySelector("caption")?.textContent === caption);
  return table &&
    [...table.querySelectorAll("tr")].map((row) =>
      [...row.children].map(({ textContent }) => String(textContent))
    );
}

/** A column by its head, without the head. */
function column(page: string, caption: string, head: string): string[] {
  const [heads, ...rows] = tableOf(page, caption)!, at = heads!.indexOf(head);
  assert(at >= 0, `${head} in ${heads}`);
  return rows.map((row) => row[at]!);
}

/** The row of a table by its first cell. */
function row(page: string, caption: string, first: string): string[] | undefined {
  return tableOf(page, caption)!.find(([cell]) => cell === first)?.slice(1);
}

Deno.test("a report has the figures of the record", () =>
  withReport({ a: NCE }, (page) => {
    const epochs = "Figures of the epochs", reports = "Figures of the reports";
    assertEquals(column(page, epochs, "validation perplexity"), ["400.00", "200.00", "133.33"]);
    assertEquals(column(page, epochs, "training loss"), ["5.0000", "4.5000", "4.0000"]);
    assertEquals(column(page, epochs, "words trained on"), ["20,000", "40,000", "60,000"]);
    assertEquals(column(page, epochs, "learning rate"), ["1", "0.5", "0.3333"]);
    const trained = NCE.filter((event) => event.event === "train");
    assertEquals(
      column(page, reports, "training loss"),
      trained.map(({ loss }) => loss.toFixed(4)),
    );
    assertEquals(column(page, reports, "batch").slice(0, 2), ["20 of 100", "40 of 100"]);
    assertEquals(column(page, reports, "hit rate")[0], "1.563 %");
    assertEquals(column(page, "Figures of the audits", "relative bias"), [
      "0.25",
      "0.125",
      "0.08333",
    ]);
    assertEquals(column(page, "Figures of the audits", "step"), ["100", "200", "300"]);
    assertEquals(tableOf(page, "Perplexity by word frequency"), [
      ["run", "range", "words", "words of the test", "perplexity"],
      ["a", "head", "10", "2,500", "12.50"],
      ["a", "torso", "90", "2,000", "345.50"],
      ["a", "tail", "799", "493", "4,567.25"],
      ["a", "<unk>", "1", "7", "–"],
    ]);
    assertEquals(tableOf(page, "Norm terms and deviations")![1], [
      "a",
      "test",
      "9.00",
      "9.25",
      "0.13",
      "raw-best: the norm term is 0.25 off the mean of ln Z, over 0.05",
    ]);
    assertEquals(tableOf(page, "Distribution of ln Z of a"), [
      ["ln Z from", "to", "words"],
      ["8.750", "9.000", "3"],
      ["9.000", "9.250", "40"],
      ["9.250", "9.500", "41"],
      ["9.500", "9.750", "5"],
    ]);
    const result = (name: string) => row(page, "Results by run", name);
    assertEquals(result("validation perplexity, best"), ["133.33"]);
    assertEquals(result("test perplexity"), ["123.46"]);
    assertEquals(result("without unknown words"), ["111.25"]);
    assertEquals(result("time of training and validation"), ["38s"]);
    assertEquals(result("adapter"), ["a GPU"]);
    assertStringIncludes(page, "a: the best validation perplexity is 133.33, after epoch 3 of 3; ");
  }));

Deno.test("a report on one run marks the settings that are not the default", () =>
  withReport({ a: NCE }, (page) => {
    const [, ...rows] = tableOf(page, "Settings by option")!;
    assertEquals(rows.slice(0, 3), [
      ["--emsize ≠ changed", "64"],
      ["--loss ≠ changed", "nce"],
      ["--audit ≠ changed", "50"],
    ]);
    assert(rows.slice(3).every(([name]) => !name!.includes("≠")));
    assertEquals(row(page, "Settings by option", "--nhid"), ["200"]);
    assertEquals(row(page, "Settings by option", "--unique"), undefined, "it has no effect");
    assert(rows.every(([name]) => name !== "--train" && name !== "--nce"));
  }));

Deno.test("a report on two runs has both, and marks the settings in which they differ", () =>
  withReport({ a: NCE, b: FULL }, (page) => {
    const [head, ...rows] = tableOf(page, "Settings by option")!;
    assertEquals(head, ["option", "a", "b"]);
    const marked = rows.filter(([name]) => name!.includes("≠"));
    assertEquals(rows.slice(0, marked.length), marked);
    assertEquals(marked, [
      ["--emsize ≠ differs", "64", "200"],
      ["--loss ≠ differs", "nce", "full"],
      ["--audit ≠ differs", "50", "no effect"],
      ["--lr ≠ differs", "1", "0.5"],
    ]);
    assertEquals(row(page, "Results by run", "validation perplexity, best"), ["133.33", "200.00"]);
    assertEquals(column(page, "Figures of the epochs", "run"), ["a", "a", "a", "b", "b"]);
    const titles = [...parse(page).querySelectorAll("svg")].map((svg) =>
      String(svg.getAttribute("aria-label"))
    );
    const curve = titles.find((title) => title.startsWith("Validation perplexity by epochs"));
    assertStringIncludes(curve!, "a from 400 to 133.3; b from 400 to 200");
    // Only one of them has noise.
    const noise = titles.find((title) => title.startsWith("Hit rate"));
    assertEquals(noise?.split(": ")[1]?.slice(0, 6), "a from");
  }));

Deno.test("every chart has a caption, a text and its figures in a table", () =>
  withReport({ a: NCE, b: FULL }, (page) => {
    const document = parse(page), charts = [...document.querySelectorAll("figure")];
    assertEquals(charts.length, 15);
    for (const chart of charts) {
      const [caption, svg] = [...chart.children];
      assertEquals([caption!.localName, svg!.getAttribute("role")], ["figcaption", "img"]);
      assertStringIncludes(String(svg!.getAttribute("aria-label")), String(caption!.textContent));
    }
    assertEquals([...document.querySelectorAll("h1")].length, 1);
    assert(
      [...document.querySelectorAll("table")].every((table) => table.querySelector("caption")),
    );
  }));

Deno.test("names and other texts of a record are only texts", async () => {
  const evil = `"><img src=x onerror=alert(1)><script>'`;
  const texts = NCE.map((event) =>
    event.event === "start"
      ? { ...event, adapter: evil, config: { ...event.config, data: evil, loss: evil as "nce" } }
      : event.event === "test"
      ? { ...event, evaluation: evil }
      : event
  );
  await withReport({ [evil.replaceAll("/", "")]: texts }, (page) => {
    const document = parse(page);
    assertEquals(document.querySelectorAll("script, img, [onerror]").length, 0);
    assertStringIncludes(String(document.querySelector("h1")!.textContent), evil);
    assertEquals(row(page, "Results by run", "adapter"), [evil]);
    assertEquals(row(page, "Settings by option", "--data ≠ changed")![0], evil);
  });
});

Deno.test("a report loads nothing and runs nothing", () =>
  withReport({ a: NCE }, (page) => {
    assert(!/\b(src|href|srcset|data)=|@import|url\(|<link|<script/.test(page));
    assert(!page.includes("http-equiv"));
    const addresses = [...page.matchAll(/https?:[^"]*/g)].map(([address]) => address);
    assertEquals([...new Set(addresses)], ["http://www.w3.org/2000/svg"]);
  }));

Deno.test("a report on many long runs stays below a megabyte", () => {
  const long = madeUpEvents({ nce: true, audit: "50" }, 400);
  const names = Array.from({ length: MAX_SERIES }, (_, i) => `${"long name ".repeat(5)}${i}`);
  return withReport(Object.fromEntries(names.map((name) => [name, recordText(long)])), (page) => {
    const bytes = new TextEncoder().encode(page).length;
    assert(bytes < MEGABYTE, `${bytes}`);
    assert(bytes > MEGABYTE / 4, `${bytes}: as long as it may be`);
    const epochs = column(page, "Figures of the epochs", "epoch");
    assertEquals([epochs.length, epochs.at(-1)], [320, "400"]);
  });
});

Deno.test("a report tells what a record lacks, and shows the rest", () => {
  const text = recordText(NCE), [start = "", ...lines] = text.split("\n");
  return withReport({
    cut: text.slice(0, -100),
    twice: text + text,
    headless: lines.join("\n"),
    begun: start,
  }, (page) => {
    const remarks = [...parse(page).querySelectorAll("h3 + ul li")].map((item) => item.textContent);
    assertEquals(remarks, [
      "saved_model/cut.metrics.jsonl: one line of it cannot be read and is left out, as after a crash",
      "The model is not described: there is no saved_model/cut.safetensors",
      "saved_model/twice.metrics.jsonl also has an earlier run; this is the last one",
      "The model is not described: there is no saved_model/twice.safetensors",
      "saved_model/headless.metrics.jsonl lacks its beginning, with the settings and the adapter",
      "The model is not described: there is no saved_model/headless.safetensors",
      "The model is not described: there is no saved_model/begun.safetensors",
    ]);
    const modes = column(page, "Norm terms and deviations", "safe mode of score");
    assertEquals(modes.map((mode) => mode.split(":")[0]), ["raw-best", "raw-best", "–"]);
    const best = row(page, "Results by run", "validation perplexity, best");
    assertEquals(best, ["133.33", "133.33", "133.33", "–"]);
    assertEquals(row(page, "Settings by option", "--emsize"), ["64", "64", "not on record", "64"]);
    assertStringIncludes(
      page,
      "cut: the best validation perplexity is 133.33, after epoch 3 of 3; there is no test yet",
    );
    assertStringIncludes(page, "begun: no training is on record");
  });
});

Deno.test("a report names what a test without a perplexity measured", () => {
  const tested = (evaluation: string) =>
    recordText([{ event: "test", evaluation, loss: 3.25, tokens: 9 }]);
  return withReport({ a: tested("nce"), b: tested("loss"), c: tested("sampled:5") }, (page) => {
    for (const measure of ["raw negative log probability", "loss", "sampled:5 loss"]) {
      assertStringIncludes(page, `; the ${measure} on the test text is 3.2500, which is no perp`);
    }
  });
});

Deno.test("a report has the settings and sizes of the model file, where the record has none", () => {
  const [, ...rest] = NCE;
  return withReport({ model: rest }, (page) => {
    assertEquals(row(page, "Results by run", "vocabulary"), ["23"]);
    assertEquals(row(page, "Results by run", "parameters"), ["1,551"]);
    assertEquals(row(page, "Settings by option", "--nhid ≠ changed")![0], "12");
    assertEquals(row(page, "Settings by option", "--lr")![0], "not on record");
  }, () => withGpu((gpu) => saveSmallModel(gpu, "model").then(() => {})));
});

Deno.test("a report on a run of the program has what the run wrote and printed", () =>
  inFolder(async () => {
    const lines = await runTiny({ train: true, nce: true, audit: "6", save: "a" });
    const page = pageOf([readRun(runPaths("a"))], false), written = events("a");
    const { epochs, tests, train } = readRun(runPaths("a"));
    const ends = written.filter(({ event }) => event === "epoch");
    assertEquals(epochs.map(({ validPpl }) => validPpl), ends.map(({ validPpl }) => validPpl));
    assertEquals(
      column(page, "Figures of the epochs", "validation perplexity"),
      ends.map(({ validPpl }) => Number(validPpl).toFixed(2)),
    );
    // "test        ppl 26.76, best possible ..., 221 tokens"
    const [, ppl, tokens] = /^test +ppl ([\d.]+),.* (\d+) tokens$/.exec(lastLine(lines))!;
    assertEquals(row(page, "Results by run", "test perplexity"), [ppl]);
    const { card } = tests[0]!;
    assertEquals(card!.histogram!.counts.reduce((a, b) => a + b), Number(tokens));
    assertEquals(card!.normTerm, Math.log(103)); // ln V
    // All words of the text, and the ends of its sentences, in each epoch.
    const settings = parseSettings({ ...TINY, train: true, nce: true }),
      corpus = await loadCorpus(settings, captureIo());
    const words = [...trainingBatches(corpus.train, settings, 1)].reduce(
      (sum, b) => sum + b.tokens,
      0,
    );
    assertEquals(timedRun({ train, epochs }).epochs.map(({ at }) => at.tokens), [words, 2 * words]);
    assertEquals(column(page, "Figures of the audits", "step"), ["6", "12", "18", "24"]);
  }));
