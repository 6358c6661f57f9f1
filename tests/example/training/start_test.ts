// --start: a run that begins with the weights of a model.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { givenSettings } from "../../../example/cli/given_settings.ts";
import { run } from "../../../example/commands/run.ts";
import { WordTable } from "../../../example/data/word_table.ts";
import type { Given } from "../../../example/options/option.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { findModel } from "../../../example/storage/open_model.ts";
import { captureIo } from "../../support/capture_io.ts";
import { assertClose } from "../../support/close.ts";
import { finishedRun } from "../../support/finished_run.ts";
import { inFolder } from "../../support/folder.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";
import { resultsOf } from "../../support/ranks.ts";
import { CHECKPOINT, crashAt } from "../../support/resumed.ts";
import { wordsOf } from "../../support/texts.ts";
import { events } from "../../support/tiny_run.ts";
import { trainTogether } from "../../support/together.ts";

leaseToProgram();

const PAIRS = 8;
/** Sentences of two words, of which the first tells the second; in the language `changed` some of them tell others. */
function writeText(folder: string, changed: boolean, times: number): void {
  Deno.mkdirSync(folder);
  const second = (i: number) => changed && i < 4 ? (i + 1) % 4 : i;
  const lines = Array.from({ length: PAIRS }, (_, i) => `a${i} b${second(i)}\n`).join("");
  Deno.writeTextFileSync(`${folder}/train.txt`, lines.repeat(times));
  for (const part of ["valid", "test"]) Deno.writeTextFileSync(`${folder}/${part}.txt`, lines);
}

const SIZES: Given = { "emsize": "24", "nhid": "28", "nlayers": "1", "dropout": "0" };
const COMMON: Given = { "train": true, "autotune": false, "epochs": "1", "batch-size": "40" };
const LOSS: Given = { "nce": true, "noise-ratio": "12", "norm-term": "learned", "seed": "5" };
/** The model that is started from. */
const BASE: Given = {
  ...{ ...COMMON, ...SIZES, ...LOSS },
  ...{ "data": "old", "save": "base", "epochs": "3", "lr": "0.7" },
};
/** A run that starts from it, and names neither network nor loss. */
const TUNED: Given = { ...COMMON, "start": "base", "data": "new", "lr": "0.5" };

/** Runs as the command line does; returns the lines. */
async function runs(given: Given) {
  const io = captureIo();
  await run(await givenSettings(given, io), io);
  return io;
}

const PATH = "saved_model/base.safetensors";
/** The model, which is trained once. */
let base: Uint8Array | undefined;

/** Runs `body` beside the model `base` of the folder `old`, and a folder `new` in a changed language. */
function besideBase(body: (folder: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    writeText("old", false, 150);
    writeText("new", true, 60);
    if (base === undefined) await runs(BASE);
    base ??= Deno.readFileSync(PATH);
    Deno.mkdirSync("saved_model", { recursive: true });
    Deno.writeFileSync(PATH, base);
    await body(folder);
  });
}

/** How often `body` makes a table of words that a file has. */
async function tablesRead(body: () => Promise<unknown>): Promise<number> {
  const { of } = WordTable;
  let tables = 0;
  WordTable.of = (joined) => (tables++, of.call(WordTable, joined));
  try {
    await body();
  } finally {
    WordTable.of = of;
  }
  return tables;
}

/** The perplexity of the last test of a run. */
function testOf(name: string): number {
  return events(name).findLast(({ event }) => event === "test")!["ppl"] as number;
}

Deno.test("a run that starts from a model has its words, network, loss and perplexity", () =>
  besideBase(async () => {
    await runs({ "save": "base", "data": "new", "autotune": false });
    const { outLines } = await runs({ ...TUNED, "max-minutes": "0" });
    assert(outLines.includes("starts      from the weights of saved_model/base.safetensors"));
    assertEquals(testOf("model"), testOf("base"));
    await runs({ ...TUNED, "start": "saved_model/base.safetensors" });
    const [base, tuned] = [findModel("base"), findModel("model")];
    assertEquals(tuned.settings, base.settings);
    assertEquals(wordsOf(tuned.vocabulary), wordsOf(base.vocabulary));
    // The noise is that of the text that is trained on.
    assertEquals([base, tuned].map(({ vocabulary }) => vocabulary.counts[9]), [150, 60]);
  }));

Deno.test("a run that starts from a model reads its words once, begun or resumed", () =>
  besideBase(async () => {
    for (const more of [{ "max-minutes": "0" }, { "resume": true }]) {
      assertEquals(await tablesRead(() => runs({ ...TUNED, ...more })), 1);
    }
  }));

Deno.test("a run that starts from a model does better on a changed text than it did, and than one from scratch", () =>
  besideBase(async () => {
    await runs({ "save": "base", "data": "new", "autotune": false });
    await runs(TUNED);
    const { start: _, ...others } = TUNED;
    await runs({ ...others, ...SIZES, ...LOSS, "save": "scratch" });
    const [tuned, base, scratch] = ["model", "base", "scratch"].map(testOf);
    assert(tuned! < base! && tuned! < scratch!);
  }));

Deno.test("a run that starts from a model may have another loss, norm term, dropout and precision", () =>
  besideBase(async () => {
    const perplexity = async (given: Given) => {
      const { outLines } = await runs({ ...TUNED, "max-minutes": "0", ...given });
      assertMatch(outLines.join("\n"), /\nstarts /);
      return testOf("model");
    };
    const expected = await perplexity({});
    const others: readonly Given[] = [
      { "loss": "full", "dropout": "0.5" },
      { "loss": "sampled", "unique": true, "noise-ratio": "10", "optimizer": "adam", "lr": "0.01" },
      { "norm-term": "4.5", "noise": "uniform" },
      { "loss": "mix", "seed": "3" },
    ];
    for (const given of others) assertEquals(await perplexity(given), expected);
    assertClose([await perplexity({ "table-dtype": "f16" })], [expected], { rtol: 1e-3 });
    const { errLines } = await runs({ ...TUNED, "loss": "full" });
    assertEquals(errLines, []);
    assertEquals(findModel("model").settings.normTerm, "auto");
  }));

Deno.test("words that the model does not know are unknown, and are told of", () =>
  besideBase(async () => {
    for (const part of ["train", "valid", "test"]) {
      const lines = Deno.readTextFileSync(`new/${part}.txt`) + (part === "train" ? "" : "a1 new\n");
      Deno.writeTextFileSync(`new/${part}.txt`, lines);
    }
    const { outLines, errLines } = await runs(TUNED);
    assert(outLines.includes(
      "unknown     train 0 % (0 of 960 words), valid 5.6 % (1 of 18 words), test 5.6 % (1 of 18 words)",
    ));
    assertEquals(errLines.filter((line) => line.startsWith("warning: ")), [
      "warning: valid or test has unknown words but training has none: the model cannot learn how " +
      "likely <unk> is; give training text with words that the model does not know",
    ]);
    assertEquals(wordsOf(findModel("model").vocabulary), wordsOf(findModel("base").vocabulary));
  }));

Deno.test("a run that starts from a model is resumed to the same bits, without its weights", async () => {
  const more: readonly Given[] = [{}, { "table-dtype": "f16", "optimizer": "adam", "lr": "0.01" }];
  for (const given of more) {
    await besideBase(async (folder) => {
      const whole: Given = { ...TUNED, ...given, "epochs": "2" };
      await runs(whole);
      const expected = await finishedRun(`${folder}/saved_model`);
      for (const name of Deno.readDirSync("saved_model")) {
        if (name.name.startsWith("model.")) Deno.removeSync(`saved_model/${name.name}`);
      }
      const io = captureIo();
      await run(await givenSettings({ ...whole, "max-minutes": "0" }, io), io);
      assertEquals(io.outLines.filter((line) => line.startsWith("starts ")).length, 1);
      // Other weights of the same words: they are not read again.
      Deno.removeSync(PATH);
      await runs({ ...BASE, "max-minutes": "0" });
      const settings = { ...whole, ...SIZES, ...LOSS, "resume": true };
      const resumed = await crashAt("epoch 1/2: ", settings); // without the model's options
      assertEquals(resumed.outLines.filter((line) => line.startsWith("starts ")), []);
      Deno.removeSync(PATH); // its words are those of the run's own model, too
      const { errLines } = await runs({ ...whole, "resume": true });
      assertEquals(errLines, [
        `warning: there is no ${PATH}: the words are those of saved_model/model.safetensors`,
      ]);
      const found = await finishedRun(`${folder}/saved_model`);
      assertEquals([found.model, found.checkpoint], [expected.model, expected.checkpoint]);
    });
  }
});

Deno.test("the configuration of a run that starts from a model repeats it to the same bits", () =>
  besideBase(async (folder) => {
    await runs({ ...TUNED, "loss": "mix" });
    const { model } = await finishedRun(`${folder}/saved_model`);
    const { errLines } = await runs({ "config": "saved_model/model.config.json" });
    const again = await finishedRun(`${folder}/saved_model`);
    assertEquals([again.model, errLines], [model, []]);
  }));

Deno.test("a run may start from the model that it replaces, and be resumed after that", () =>
  besideBase(async () => {
    const before = Deno.readFileSync("saved_model/base.safetensors");
    const given: Given = { ...TUNED, "save": "base" };
    await runs(given);
    assertEquals(Deno.readFileSync("saved_model/base.previous.safetensors"), before);
    const { outLines } = await runs({ ...given, "resume": true, "epochs": "2" });
    assert(outLines.some((line) => line.startsWith("resumes     saved_model/base.checkpoint")));
  }));

Deno.test("--start refuses another network, a missing model and another file, in one line", () =>
  besideBase(async () => {
    const refused: readonly [Given, string][] = [
      [{ "emsize": "16" }, "with --emsize 16, as it was begun with --emsize 24"],
      [{ "nlayers": "2" }, "with --nlayers 2, as it was begun with --nlayers 1"],
      [{ "tied": true }, "with --tied, as it was begun without --tied"],
      [
        { "index-module": "gru" },
        "with --index-module gru, as it was begun with --index-module linear",
      ],
    ];
    for (const [given, what] of refused) {
      await assertRejects(
        () => runs({ ...TUNED, "data": "nowhere", ...given }), // before the text is read
        UsageError,
        `Cannot start from saved_model/base.safetensors ${what}: leave it out, and the model's is ` +
          "taken",
      );
    }
    await assertRejects(() => runs({ ...TUNED, "start": "bas" }), UsageError, "did you mean base?");
    await assertRejects(
      () => runs({ ...TUNED, "start": "./old/train.txt" }),
      Failure,
      "Cannot load ./old/train.txt: ",
    );
    for (const [name, value] of [["vocab", "old/train.txt"], ["min-freq", "2"]] as const) {
      await assertRejects(
        () => runs({ ...TUNED, [name]: value }),
        UsageError,
        `--${name} ${value} has no effect with --start base: leave it out`,
      );
    }
    Deno.mkdirSync("foreign");
    for (const part of ["train", "valid", "test"]) {
      Deno.writeTextFileSync(`foreign/${part}.txt`, "unheard of\n");
    }
    await assertRejects(
      () => runs({ ...TUNED, "data": "foreign" }),
      UsageError,
      "Cannot train on --data foreign: the model of --start base knows none of its words; give a text of " +
        "the model's own kind by --data",
    );
    await runs(TUNED);
    const { start: _, ...others } = TUNED;
    await assertRejects(
      () => runs({ ...others, ...BASE, ...others, "resume": true, "save": "model" }),
      UsageError,
      `Cannot resume ${CHECKPOINT} without --start, as it was begun with --start base: give`,
    );
    const { errLines } = await runs({ "start": "none", "save": "base", "data": "new" });
    assertEquals(errLines, [
      "warning: no effect without --train; a saved model keeps its own: --start",
    ]);
  }));

Deno.test("ranks start from the same weights, with whole tables and divided ones, and resume", () =>
  besideBase(async () => {
    const given = { ...BASE, ...TUNED, "epochs": "1" };
    await trainTogether({ ...given, "save": "one" }, 1);
    const cases = [{}, { "shard-tables": true }, { "sync-every": "4", "outer-lr": "0.9" }];
    for (const [i, more] of cases.entries()) {
      const by = { ...given, ...more, "distributed": true },
        [two, again] = [`two${i}`, `again${i}`];
      await trainTogether({ ...by, "save": two }, 2);
      await trainTogether({ ...by, "save": again, "max-minutes": "0" }, 1); // before the first step
      const lines = await trainTogether({ ...by, "save": again, "resume": true }, 2);
      assert(!lines.some((line) => line.startsWith("starts ")));
      assertEquals(resultsOf(again), resultsOf(two));
      if (!("sync-every" in more)) assertClose(resultsOf(two), resultsOf("one"), { rtol: 1e-5 });
    }
  }));
