// What a run takes from the model that it starts from: options, words and weights.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { normTermOf } from "../../../example/model/model.ts";
import type { Given } from "../../../example/options/option.ts";
import type { Settings } from "../../../example/options/options.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { loadModel } from "../../../example/storage/saved_model.ts";
import { keptSettings } from "../../../example/storage/model_settings.ts";
import { startOptions, startWeights, startWords } from "../../../example/storage/start.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { saveSmallModel, VOCABULARY } from "../../support/saved_models.ts";
import { wordsOf } from "../../support/texts.ts";
import type { Gpu } from "../../../mod.ts";

const MODELS: readonly Given[] = [
  {},
  { "tied": true, "table-dtype": "f16", "norm-term": "learned", "noise": "batch+uniform" },
  { "index-module": "gru", "loss": "sampled", "unique": true, "noise-ratio": "7", "dropout": "0" },
  { "loss": "full", "self-norm": "0.1", "norm-term": "4.5", "seed": "9" },
];
/** The same words, in other numbers. */
const RECOUNTED = Vocabulary.fromTable(VOCABULARY.table, VOCABULARY.counts.map((_, i) => i + 1));

/** The settings of a run that starts from the model `m`, or that of `given`. */
function startedSettings(given: Given = {}): Settings {
  const all = { "train": true, "start": "m", "save": "model", ...given };
  return parseSettings(all, startOptions({ ...all, resume: false }));
}

/** Numbers of all parameters. */
async function numbersOf(gpu: Gpu, model: ReturnType<typeof makeModel>) {
  const entries = model.parameters().map(async ([name, parameter]) =>
    [name, await gpu.readFloats(parameter)] as const
  );
  return new Map(await Promise.all(entries));
}

Deno.test("a run that starts from a model takes all of its options, its words and its weights", () =>
  withGpu((gpu) =>
    inFolder(async () => {
      for (const given of MODELS) {
        const own = keptSettings(await saveSmallModel(gpu, "m", given));
        const settings = startedSettings();
        assertEquals(keptSettings(settings), own);
        assertEquals(wordsOf(startWords(settings)!), wordsOf(VOCABULARY));
        using model = makeModel(gpu, { ...settings, seed: 3 }, RECOUNTED);
        await startWeights(gpu, settings, model, RECOUNTED);
        using saved = loadModel(gpu, "saved_model/m.safetensors").model;
        assertEquals(await numbersOf(gpu, model), await numbersOf(gpu, saved));
      }
    })
  ));

Deno.test("a learned norm term starts at the model's, learned or not; another may be given", () =>
  withGpu((gpu) =>
    inFolder(async () => {
      const auto = Math.fround(Math.log(VOCABULARY.size));
      for (
        const [own, given, expected] of [["4.5", "learned", 4.5], ["auto", "learned", auto], [
          "learned",
          "4.5",
          4.5,
        ]] as const
      ) {
        await saveSmallModel(gpu, "m", { "norm-term": own });
        const settings = startedSettings({ "norm-term": given });
        using model = makeModel(gpu, settings, VOCABULARY);
        await startWeights(gpu, settings, model, VOCABULARY);
        assertEquals(await normTermOf(gpu, model), expected);
      }
    })
  ));

Deno.test("startWeights() refuses a model that replaced the one of the words, and another network", () =>
  withGpu((gpu) =>
    inFolder(async () => {
      await saveSmallModel(gpu, "m");
      const settings = startedSettings();
      const fewer = Vocabulary.from(["<unk>", "<s>", "</s>", "w0"], [1, 1, 1, 1]);
      using model = makeModel(gpu, settings, fewer);
      await assertRejects(
        () => startWeights(gpu, settings, model, fewer),
        Failure,
        "Cannot load saved_model/m.safetensors: another program replaced it while it was read; try again",
      );
      const larger = { ...settings, emsize: 10 };
      using other = makeModel(gpu, larger, VOCABULARY);
      await assertRejects(
        () => startWeights(gpu, larger, other, VOCABULARY),
        UsageError,
        "with --emsize 10, as it was begun with --emsize 8",
      );
    })
  ));

Deno.test("a resumed run takes options, words and weights from its own model if the other is gone", () =>
  withGpu((gpu) =>
    inFolder(async () => {
      const lines: string[] = [], io = { err: (line: string) => void lines.push(line) };
      const own = keptSettings(await saveSmallModel(gpu, "model", { "noise-ratio": "7" }));
      const started = { start: "m", save: "model", resume: true };
      const missing = "There is no model saved_model/m.safetensors: ";
      assertThrows(() => startOptions(started), UsageError, missing); // it only begins
      const checkpoint = "saved_model/model.checkpoint.safetensors";
      Deno.writeTextFileSync(checkpoint, "");
      assertThrows(() => startOptions({ ...started, resume: false }), UsageError, missing);
      const settings = parseSettings({ train: true, ...started }, startOptions(started));
      assertEquals(keptSettings(settings), own);
      assertEquals(wordsOf(startWords(settings, io)!), wordsOf(VOCABULARY));
      assertEquals(lines, [
        "warning: there is no saved_model/m.safetensors: the words are those of " +
        "saved_model/model.safetensors",
      ]);
      using model = makeModel(gpu, settings, RECOUNTED);
      await startWeights(gpu, settings, model, RECOUNTED);
      using saved = loadModel(gpu, "saved_model/model.safetensors").model;
      assertEquals(await numbersOf(gpu, model), await numbersOf(gpu, saved));
      await saveSmallModel(gpu, "m", { "noise-ratio": "9" });
      assertEquals(startOptions(started)["noise-ratio"], "9");
      startWords(settings, io);
      assertEquals(lines.length, 1);
      for (const name of ["m", "model"]) Deno.removeSync(`saved_model/${name}.safetensors`);
      const { message } = assertThrows(() => startOptions(started), UsageError);
      assertEquals(
        message,
        `Cannot resume ${checkpoint}: it needs the words of --start m, and there is no ` +
          "saved_model/m.safetensors; restore it",
      );
    })
  ));

Deno.test("startWords() refuses a model whose place the model of the run before would take", () =>
  withGpu((gpu) =>
    inFolder(async () => {
      const words = (start: string, save: string, resume = false) =>
        startWords({ ...startedSettings({ start, save }), resume });
      const refuses = (start: string, resume = false) =>
        assertThrows(
          () => words(start, "m", resume),
          UsageError,
          "saved_model/m.safetensors would take its place after the first epoch; give another --save",
        );
      await saveSmallModel(gpu, "m.previous");
      words("m.previous", "m"); // there is no model to take its place
      await saveSmallModel(gpu, "m");
      for (const start of ["m.previous", "./saved_model/m.previous.safetensors"]) refuses(start);
      refuses("m.previous", true); // a run that only begins
      words("m.previous", "n");
      words("m", "m");
      Deno.writeTextFileSync("saved_model/m.checkpoint.safetensors", "");
      words("m.previous", "m", true); // the model is the run's own
    })
  ));
