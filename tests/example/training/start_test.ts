// --start: a run that begins with the weights of a model.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { givenSettings } from "../../../example/cli/given_settings.ts";
import { run } from "../../../example/commands/run.ts";
import { SyntheticLanguage } from "../../../example/data/language.ts";
import { generateText, randomOf, type TextPart } from "../../../example/data/synthetic.ts";
import type { Given } from "../../../example/options/settings.ts";
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

const WORDS = 100;
/** Made-up text of the words of the first seed, in the grammar of another. */
function writeText(folder: string, seed: number, words = 1500): void {
  Deno.mkdirSync(folder);
  const language = new SyntheticLanguage(WORDS, seed), named = new SyntheticLanguage(WORDS, 1);
  const sizes: Record<TextPart, number> = { train: words, valid: words / 3, test: words / 3 };
  for (const [part, size] of Object.entries(sizes) as [TextPart, number][]) {
    const sentences = generateText(language, size, randomOf(part, seed));
    const lines = sentences.map((sentence) => sentence.map((word) => named.words.text(word)));
    const text = [...lines].map((line) => `${line.join(" ")}\n`).join("");
    Deno.writeTextFileSync(`${folder}/${part}.txt`, text);
  }
}

const SIZES: Given = { "emsize": "12", "nhid": "14", "nlayers": "1" };
const COMMON: Given = { "train": true, "autotune": false, "epochs": "1" };
/** The model that is started from, of another loss, noise and seed than the defaults. */
const BASE: Given = {
  ...{ ...COMMON, ...SIZES, "data": "old", "save": "base", "epochs": "3" },
  ...{ "nce": true, "noise-ratio": "12", "norm-term": "learned", "seed": "5" },
};
/** A run that starts from it, and names neither network nor loss. */
const TUNED: Given = { ...COMMON, "start": "base", "data": "new", "lr": "0.3" };

/** Runs as the command line does; returns the lines. */
async function runs(given: Given) {
  const io = captureIo();
  await run(await givenSettings(given, io), io);
  return io;
}

/** Runs `body` beside the model `base` of the folder `old`, and a folder `new` in another grammar. */
function besideBase(body: (folder: string) => Promise<void>, more: Given = {}): Promise<void> {
  return inFolder(async (folder) => {
    writeText("old", 1, 3000);
    writeText("new", 2);
    await runs({ ...BASE, ...more });
    await body(folder);
  });
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
    const words = Deno.readTextFileSync("new/train.txt").split(/\s+/);
    const word = tuned.vocabulary.word(9);
    const count = words.filter((other) => other === word).length;
    assertEquals(tuned.vocabulary.counts[9], count);
    assert(base.vocabulary.counts[9] !== count);
  }));

Deno.test("a run that starts from a model does better on a text like its own than one from scratch", () =>
  besideBase(async () => {
    await runs(TUNED);
    const { start: _, ...scratch } = TUNED;
    await runs({ ...scratch, ...SIZES, "nce": true, "noise-ratio": "12", "save": "scratch" });
    assert(testOf("model") < 0.9 * testOf("scratch"));
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
      { "loss": "sampled", "unique": true, "noise-ratio": "20", "optimizer": "adam", "lr": "0.01" },
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
    const { outLines, errLines } = await runs({
      ...TUNED,
      "data": "synthetic:words=1000,vocab=150,seed=1",
    });
    const unknown = outLines.find((line) => line.startsWith("unknown "))!;
    assertMatch(
      unknown,
      /^unknown {5}train [\d.]+ % \(\d+ of [\d,]+ words\), valid [\d.]+ % .*, test /,
    );
    assertEquals(findModel("model").vocabulary.size, findModel("base").vocabulary.size);
    assert(!outLines.at(-1)!.includes("best possible"));
    assert(errLines.every((line) => !/--min-freq|--vocab/.test(line)));
  }));

Deno.test("a run that starts from a model is resumed to the same bits, without its weights", async () => {
  const more: readonly Given[] = [{}, { "table-dtype": "f16", "optimizer": "adam", "lr": "0.01" }];
  for (const given of more) {
    await besideBase(async (folder) => {
      const tuned = { ...TUNED, ...given, ...SIZES, "nce": true, "noise-ratio": "12" };
      const whole: Given = { ...tuned, "norm-term": "learned", "seed": "5", "epochs": "2" };
      await runs(whole);
      const expected = await finishedRun(`${folder}/saved_model`);
      for (const name of Deno.readDirSync("saved_model")) {
        if (name.name.startsWith("model.")) Deno.removeSync(`saved_model/${name.name}`);
      }
      const io = captureIo();
      await run(await givenSettings({ ...whole, "max-minutes": "0" }, io), io);
      assertEquals(io.outLines.filter((line) => line.startsWith("starts ")).length, 1);
      // Other weights of the same words: they are not read again.
      await runs({ ...BASE, "lr": "0.1", "epochs": "1" });
      const resumed = await crashAt("epoch 1/2: ", { ...whole, "resume": true });
      assertEquals(resumed.outLines.filter((line) => line.startsWith("starts ")), []);
      await runs({ ...whole, "resume": true });
      const found = await finishedRun(`${folder}/saved_model`);
      assertEquals([found.model, found.checkpoint], [expected.model, expected.checkpoint]);
    });
  }
});

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
      [{ "emsize": "16" }, "with --emsize 16, as it was begun with --emsize 12"],
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

Deno.test("ranks start from the same weights, with whole tables and divided ones", () =>
  besideBase(async () => {
    const given = { ...TUNED, ...BASE, ...TUNED, "epochs": "1" };
    await trainTogether({ ...given, "save": "one" }, 1);
    await trainTogether({ ...given, "save": "two", "distributed": true }, 2);
    await trainTogether(
      { ...given, "save": "parts", "distributed": true, "shard-tables": true },
      2,
    );
    assertClose(resultsOf("two"), resultsOf("one"), { rtol: 1e-5 });
    assertClose(resultsOf("parts"), resultsOf("one"), { rtol: 1e-5 });
  }));
