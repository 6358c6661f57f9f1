/** TensorBoard: a run's event file says what its metrics say. */

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import type { SelfNormalization } from "../../../example/evaluation/card.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { TensorBoard } from "../../../example/storage/tensorboard.ts";
import { captureIo } from "../../support/capture_io.ts";
import { readByProtoc, type ReadEvent, readEvents } from "../../support/event_reader.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { events, runTiny } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

/** Where each figure of the metrics goes, by the kind of event. */
const TAGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  train: {
    loss: "train/loss",
    lr: "train/learning_rate",
    tokensPerSecond: "train/tokens_per_second",
    hitRate: "train/hit_rate",
  },
  audit: {
    cosine: "audit/cosine",
    bias: "audit/bias",
    variance: "audit/variance",
    length: "audit/length",
  },
  epoch: {
    seconds: "epoch/seconds",
    trainLoss: "epoch/train_loss",
    lr: "epoch/learning_rate",
    tokensPerSecond: "epoch/tokens_per_second",
    validPpl: "valid/perplexity",
    validLoss: "valid/loss",
    mean: "valid/ln_z_mean",
    std: "valid/ln_z_std",
  },
  test: {
    ppl: "test/perplexity",
    loss: "test/loss",
    mean: "test/ln_z_mean",
    std: "test/ln_z_std",
  },
};

/** The figures of a line of the metrics by their tags, as they should be in the event file. */
function expected(line: Record<string, unknown>, isNormalised: boolean): Record<string, number> {
  const kind = String(line["event"]), card = line["selfNormalization"];
  const fields = { ...line, ...(typeof card === "object" ? card : {}) };
  const figures = Object.entries(fields).flatMap(([field, value]) => {
    const tag = TAGS[kind]?.[field];
    return tag === undefined || value === null ? [] : [[tag, Math.fround(Number(value))] as const];
  });
  const loss = Number(line["loss"]);
  const ppl = kind === "train" && isNormalised ? { "train/perplexity": Math.exp(loss) } : {};
  return rounded({ ...Object.fromEntries(figures), ...ppl });
}

function rounded(figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures).map(([tag, figure]) => [tag, Math.fround(figure)]),
  );
}

function figuresOf({ values }: ReadEvent): Record<string, number> {
  return Object.fromEntries(
    values.flatMap(({ tag, figure }) => figure === undefined ? [] : [[tag, figure]]),
  );
}

/** The counts of an event's histograms by their tags. */
function countsOf({ values }: ReadEvent): [string, readonly number[]][] {
  return values.flatMap(({ tag, histogram }) => histogram ? [[tag, histogram.counts]] : []);
}

/** The same of a line of the metrics. */
function expectedCounts({ event, selfNormalization: card }: Record<string, unknown>) {
  if (card === undefined) return [];
  const { histogram } = card as SelfNormalization;
  return [[event === "test" ? "test/ln_z" : "valid/ln_z", histogram.counts]];
}

/** The event files of a record, from the first. */
function filesOf(name: string): Uint8Array[] {
  return namesIn(`runs/${name}`).map((file) => Deno.readFileSync(`runs/${name}/${file}`));
}

const RUNS: readonly Given[] = [
  { nce: true, audit: "5" },
  { loss: "full" },
  { loss: "neg" },
];

Deno.test("a run's event file has the figures of its metrics, each at its step", () =>
  inFolder(async () => {
    for (const run of RUNS) {
      const save = String(run["loss"] ?? "nce"), isNormalised = save === "full";
      await runTiny({ ...run, save, "train": true, "tb-name": save });
      const [file, ...others] = filesOf(save), [version, settings, ...rest] = readEvents(file!);
      assertEquals(others, []);
      assertEquals(version?.version, "brain.Event:2");
      const { tag, text = "", plugin } = settings!.values[0]!;
      assertEquals([tag, plugin], ["settings", "text"]);
      assertStringIncludes(text, `| option | value |\n| --- | --- |\n| train | true |\n`);
      assertStringIncludes(text, `\n| loss | ${save} |\n`);
      const lines = events(save).filter(({ event }) => event !== "start");
      assertEquals(rest.map(figuresOf), lines.map((line) => expected(line, isNormalised)));
      assertEquals(rest.map(countsOf), lines.map(expectedCounts));
      const last = lines.findLast(({ event }) => event === "train")?.["step"];
      assert(Number(last) > 20);
      assertEquals(rest.map(({ step }) => step), lines.map(({ step = last }) => Number(step)));
      const wanted = Object.keys(expected(lines.at(-2)!, isNormalised));
      assert(wanted.includes(save === "neg" ? "valid/loss" : "valid/ln_z_std"), wanted.join());
      const read = readByProtoc(file!)?.slice(2).map((record) =>
        rounded(Object.fromEntries(record))
      );
      if (read === undefined) console.log("protoc is not installed");
      else assertEquals(read, rest.map(figuresOf));
    }
  }));

Deno.test("each run has a file of its own, behind those before; without --tb-name there is none", () =>
  inFolder(async () => {
    await runTiny({ "train": true, "epochs": "1" });
    assertEquals(namesIn("."), ["saved_model"]);
    for (const steps of [1, 2]) {
      await runTiny({ "train": true, "epochs": String(steps), "resume": true, "tb-name": "x" });
      const names = namesIn("runs/x");
      assertEquals(names.length, steps);
      for (const name of names) assertMatch(name, /^events\.out\.tfevents\.\d{10}\.nce\.\d+\.\d+$/);
    }
    // The second run went on where the first one ended.
    const [first, second] = filesOf("x").map(readEvents);
    const last = Math.max(...first!.map(({ step }) => step));
    assert(second!.slice(2).every(({ step }) => step >= last));
    assert(second!.some(({ step }) => step > last));
  }));

Deno.test("a file sorts behind those before also when the clock was put back", () =>
  inFolder(() => {
    const settings = parseSettings({ "train": true, "tb-name": "x" }), { now } = Date;
    try {
      for (const seconds of [2_000_000_000, 2_000_000_000, 1_000_000_000]) {
        Date.now = () => 1000 * seconds;
        const { path } = new TensorBoard(settings, captureIo());
        assertEquals(path, `runs/x/${namesIn("runs/x").at(-1)}`);
      }
      assertEquals(namesIn("runs/x").length, 3);
    } finally {
      Date.now = now;
    }
  }));

Deno.test("a record that cannot be begun is a failure, one that breaks off a warning", () =>
  inFolder(() => {
    const settings = parseSettings({ "train": true, "tb-name": "x" }), io = captureIo();
    const board = new TensorBoard(settings, io);
    Deno.removeSync("runs", { recursive: true });
    const event = { event: "test", evaluation: "full", ppl: 2, tokens: 1 } as const;
    board.write(event), board.write(event);
    assertEquals(io.errLines.length, 1);
    assertMatch(
      io.errLines[0]!,
      /^warning: cannot write runs\/x\/events.*; this record is not complete$/,
    );
    Deno.writeTextFileSync("runs", "");
    const error = assertThrows(() => new TensorBoard(settings, io), Failure);
    assertMatch(error.message, /^Cannot write runs\/x\/events\.out\.[^\n]+$/);
  }));
