// The plan of bench:quality, and how its results are shown.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { LOSSES, readPlan, tasksOf } from "../../bench/quality_plan.ts";
import { expectDrawable, resultCharts } from "../../bench/quality_charts.ts";
import { byText, readResults, type Result, resultTable } from "../../bench/quality_result.ts";
import { parseSettings } from "../../example/options/settings.ts";
import { Failure, UsageError } from "../../example/shared/errors.ts";
import { inFolder } from "../support/folder.ts";

Deno.test("readPlan() trains all sizes and the usual losses unless told otherwise", () => {
  const plan = readPlan([]);
  assertEquals([plan.sizes, plan.epochs, plan.lr], [[1000, 10_000, 100_000], 1, "auto"]);
  assertEquals(plan.losses, Object.keys(LOSSES).slice(0, 8));
  expectDrawable(plan.losses);
  const some = readPlan(["200", "--losses", "full,batch", "--lr", "0.5", "--words=900", "--json"]);
  assertEquals([some.sizes, some.losses, some.lr], [[200], ["full", "batch"], 0.5]);
  assertEquals([some.words, some.json, plan.seeds], [900, true, ["1111"]]);
  assertEquals(readPlan(["--seed", "7"]).seeds, ["7"]);
  assertEquals(readPlan(["--seed", "3,1,2"]).seeds, ["3", "1", "2"]);
  const shown = readPlan(["--from", "file", "--losses", "batch", "--svg", "charts"]);
  assertEquals([shown.from, shown.losses, shown.svg], ["file", ["batch"], "charts"]);
  assertEquals(readPlan(["--from", "file"]).losses, []);
});

Deno.test("readPlan() names what is wrong", () => {
  const wrong = (words: string[], message: string, kind: new () => Error = Failure) =>
    assertThrows(() => readPlan(words), kind, message);
  wrong(["--losses", "full,nec"], "Unknown loss nec: there are full, nce-50,");
  wrong(["--words", "none"], "--words must be a positive number, not none");
  wrong(["--lr=-1"], "--lr must be a positive number");
  wrong(["--speed"], "--speed");
  wrong(["1000", "--data", "folder"], "1000 is a size of the made-up language");
  for (const seed of ["x", "1,x"]) wrong(["--seed", seed], "seed must be", UsageError);
  wrong(["--seed", "1,"], "--seed needs a value", UsageError);
  wrong(["--from", "file", "--words", "9"], "--from shows results as they are: leave out --words");
  wrong(["--from", "file", "200"], "--from shows results as they are: leave out 200");
  wrong(["many"], "vocab must be a whole number from 100", UsageError);
  wrong(["--seed", "1,2,1"], "--seed 1 is given twice: leave one out");
  wrong(["--seed", "1,1e0"], "--seed 1 is given twice: leave one out");
  wrong(["--seed", "1", "--seed", "2"], "--seed is given twice: leave one out");
  wrong(["--losses", "full,batch,full"], "full is given twice: leave one out");
  wrong(["200", "300", "200"], "200 is given twice: leave one out");
  const names = Array.from({ length: 9 }, (_, i) => `${i}`);
  assertThrows(() => expectDrawable(names), Failure, "--svg draws 8 losses at most, not 9");
  expectDrawable([...names.slice(1), "1", "2"]); // those of two texts
});

Deno.test("all losses are options of the program, and differ", () => {
  const all = Object.values(LOSSES).map((given) => parseSettings({ ...given, train: true }));
  assertEquals(new Set(all.map((some) => JSON.stringify(some))).size, all.length);
});

Deno.test("tasksOf() makes the language's texts, and cuts a folder's on a software adapter", () =>
  inFolder(async () => {
    const made = tasksOf(readPlan(["200", "300", "--words", "2000"]), true);
    const [first, second, ...more] = await Array.fromAsync(made);
    assertEquals([first!.name, second!.name, more], ["V = 200", "V = 300", []]);
    assert(first!.train.words >= 2000 && first!.train.words < 2100);
    assert(first!.test.words >= 4000 && first!.test.words < 4100);
    assert(first!.best! > 5 && first!.best! < 100);

    for (const part of ["train", "valid", "test"]) {
      Deno.writeTextFileSync(`${part}.txt`, "a b c\n".repeat(3000));
    }
    Deno.writeTextFileSync("valid.txt", "a b c\n".repeat(10));
    const plan = readPlan(["--data", "."]);
    const [cut] = await Array.fromAsync(tasksOf(plan, true));
    const [whole] = await Array.fromAsync(tasksOf(plan, false));
    assertEquals([cut!.test.length, cut!.test.tokens, cut!.best], [1000, 4000, null]);
    assertEquals([cut!.valid.length, cut!.seconds, whole!.seconds], [10, 30, 60]);
    assertEquals(cut!.test.at(999), whole!.test.at(999));
    assertEquals([cut!.train.length, whole!.test.length, cut!.given], [3000, 3000, {}]);
  }));

function result(
  loss: string,
  ppls: (number | null)[],
  secondsEach: number,
  seed?: string,
): Result {
  const curve = ppls.map((ppl, i) => ({
    ...{ tokens: 1000 * (i + 1), seconds: secondsEach * (i + 1) },
    ...{ ppl, stdLogZ: ppl && 0.25 },
  }));
  const options = seed === undefined ? {} : { seed };
  const model = { vocabulary: 203, tokens: 3000, options, lr: 2, trials: [], best: 50 };
  return { date: "2026-01-01", adapter: "none", text: "V = 200", loss, ...model, curve };
}

const RESULTS = [
  result("full", [200, 101, 100], 10),
  result("nce-50", [150, 101, 99], 2),
  result("batch", [150, 120, 110], 1),
  result("nce-500", [null], 1),
];

Deno.test("resultTable() compares each loss with the best possible perplexity and with full", () => {
  const later = RESULTS.slice(1).map((some) => ({ ...some, date: "2026-01-02" }));
  const { title, rows, notes } = resultTable([RESULTS[0]!, ...later]);
  assertEquals(title, "V = 200, 3,000 tokens of text");
  assertEquals(notes, ["2026-01-01, none. Best possible perplexity: 50.00."]);
  const names = ["loss", "ppl", "over best", "over full", "tokens/s", "speed over full"];
  assertEquals(rows.map((row) => [...names, "seconds to full + 1 %"].map((name) => row[name])), [
    ["full", 100, 2, 1, 100, 1, 20],
    ["nce-50", 99, 1.98, 0.99, 500, 5, 4],
    ["batch", 110, 2.2, 1.1, 1000, 10, null],
    ["nce-500", null, null, null, 1000, 10, null],
  ]);
});

Deno.test("resultTable() gives means over the seeds, and ratios of runs of one seed", () => {
  const { rows } = resultTable([
    ...[result("full", [100], 10, "1"), result("full", [120], 10, "2")],
    ...[result("batch", [110], 5, "1"), result("batch", [126], 1, "2")],
    ...[result("nce-50", [150], 1, "1"), { ...result("nce-50", [140], 1, "1"), lr: 4 }],
    ...[result("nce-500", [150], 1, "1"), result("nce-500", [null], 1, "2")],
    ...[result("sampled-50", [150], 1, "1"), result("sampled-50", [150], 1, "3")],
  ]);
  const names = ["loss", "lr", "seeds", "ppl", "ppl std", "over best", "over full"];
  const shown = [...names, "over full std", "tokens/s", "speed over full"];
  const cells = (row: typeof rows[number]) =>
    shown.map((name) => typeof row[name] === "number" ? Number(row[name].toFixed(5)) : row[name]);
  assertEquals(rows.map(cells), [
    ["full", 2, "1 2", 110, 14.14214, 2.2, 1, 0, 100, 1], // sqrt(2) times half the difference
    ["batch", 2, "1 2", 118, 11.31371, 2.36, 1.075, 0.03536, 600, 6],
    ["nce-50", 2, "1", 150, null, 3, 1.5, null, 1000, 10],
    ["nce-50", 4, "1", 140, null, 2.8, 1.4, null, 1000, 10],
    ["nce-500", 2, "1 2", null, null, null, null, null, 1000, 10],
    ["sampled-50", 2, "1 3", 150, 0, 3, null, null, 1000, null],
  ]);
});

Deno.test("byText() keeps texts of different lengths apart", () => {
  const longer = { ...RESULTS[0]!, tokens: 9000 };
  assertEquals([...byText([...RESULTS, longer]).values()], [RESULTS, [longer]]);
});

Deno.test("resultTable() has no ratios to what is not known", () => {
  const [, ...others] = RESULTS.map((some) => ({ ...some, best: null }));
  const { rows, notes } = resultTable(others);
  assertEquals(notes, ["2026-01-01, none."]);
  for (const row of rows) {
    for (const name of ["over best", "over full", "speed over full"]) assertEquals(row[name], null);
  }
});

Deno.test("resultCharts() draws each loss against time and against tokens", () => {
  const charts = resultCharts(RESULTS);
  assertEquals([...charts.keys()], ["V-200-seconds.svg", "V-200-tokens.svg"]);
  const [large] = resultCharts(RESULTS.map((some) => ({ ...some, text: "V = 10,000" }))).keys();
  assertEquals(large, "V-10000-seconds.svg");
  for (const svg of charts.values()) {
    assert(svg.startsWith("<svg"));
    for (const { loss } of RESULTS) assert(svg.includes(loss), loss);
    assert(svg.includes("the best possible is 50.00"));
  }
  const unknown = resultCharts(RESULTS.map((some) => ({ ...some, best: null })));
  for (const svg of unknown.values()) assert(!svg.includes("the best possible"));
  // Time is logarithmic, and has no place for zero; tokens are not.
  const start = { tokens: 0, seconds: 0, ppl: 120, stdLogZ: null };
  const started = resultCharts(RESULTS.map((some) => ({ ...some, curve: [start, ...some.curve] })));
  const same = [...charts].map(([name, svg]) => svg === started.get(name));
  assertEquals(same, [true, false]);
});

Deno.test("resultCharts() leaves out what is more than 1.5 times the lowest perplexity", () => {
  const later = RESULTS.map((some) => ({
    ...some,
    curve: some.curve.filter(({ ppl }) => ppl !== null && ppl < 150),
  }));
  assertEquals(resultCharts(RESULTS), resultCharts(later));
  assertEquals(resultCharts([...RESULTS, result("full", [100], 9, "2")]), resultCharts(RESULTS));
  const higher = [...RESULTS.slice(0, -1), result("nce-500", [149, 148], 1)];
  const lower = [...RESULTS.slice(0, -1), result("nce-500", [149, 147], 1)];
  assertNotEquals(resultCharts(higher), resultCharts(lower));
});

Deno.test("readResults() reads JSON lines, and names a file that is none", () =>
  inFolder(() => {
    Deno.writeTextFileSync("good", RESULTS.map((some) => JSON.stringify(some) + "\n").join(""));
    assertEquals(readResults("good"), RESULTS);
    assertEquals(readResults("good", ["batch", "full"]), [RESULTS[0], RESULTS[2]]);
    const message = "good has no result of nce-5: there are full, nce-50, batch, nce-500";
    assertThrows(() => readResults("good", ["full", "nce-5"]), Failure, message);
    const [first] = RESULTS, text = Deno.readTextFileSync("good");
    const lines = (...others: object[]) =>
      text + others.map((other) => JSON.stringify({ ...first, ...other })).join("\n");
    const distinct = [{ text: "other" }, { adapter: "other" }, { tokens: 9 }, { lr: 9 }];
    Deno.writeTextFileSync("more", lines(...distinct, { options: { seed: "2" } }));
    assertEquals(readResults("more").length, RESULTS.length + 5);
    Deno.writeTextFileSync("twice", lines({ date: "2026-01-02" }));
    const twice = "twice has two results of V = 200, full, lr 2, seed none: take one out";
    assertThrows(() => readResults("twice"), Failure, twice);
    assertEquals(readResults("twice", ["batch"]), [RESULTS[2]]);
    Deno.writeTextFileSync("bad", "## V = 200\n");
    assertThrows(() => readResults("bad"), Failure, "Cannot read bad: ");
    assertThrows(() => readResults("none"), Failure, "Cannot read none: ");
  }));
