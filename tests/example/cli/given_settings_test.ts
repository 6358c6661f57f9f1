// The text of a test: the one that the model learned, unless another is given.

import { assertEquals, assertRejects } from "@std/assert";
import { givenSettings } from "../../../example/cli/given_settings.ts";
import type { Given } from "../../../example/options/option.ts";
import { UsageError } from "../../../example/shared/errors.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder } from "../../support/folder.ts";

const FILES = {
  "saved_model/a.safetensors": "",
  "saved_model/a.config.json":
    '{"train": true, "data": "text", "epochs": 3, "nce": true, "batch-size": 7, "concat": true}',
  "saved_model/made.safetensors": "",
  "saved_model/made.config.json": '{"train": true, "data": "synthetic:vocab=900"}',
  "saved_model/gone.safetensors": "",
  "saved_model/gone.config.json": '{"train": true, "data": "no/text"}',
  "saved_model/imported.safetensors": "",
  "saved_model/damaged.safetensors": "",
  "saved_model/damaged.config.json": '{"data": 3',
  "batches.json": '{"batch-size": 7, "concat": true}',
  "mine.json": '{"data": "mine", "save": "a"}',
};

/** Runs `body` beside these models and a folder `text`. */
function besideModels(body: () => Promise<void>): Promise<void> {
  return inFolder(() => {
    for (const folder of ["saved_model", "text"]) Deno.mkdirSync(folder);
    for (const [path, text] of Object.entries(FILES)) Deno.writeTextFileSync(path, text);
    return body();
  });
}

async function dataOf(given: Given): Promise<string> {
  const io = captureIo(), { data, train, epochs } = await givenSettings(given, io);
  assertEquals([train, epochs, io.errLines], [given["train"] === true, 40, []]);
  return data;
}

Deno.test("a test without --data takes the text that the model learned, and no other setting of it", () =>
  besideModels(async () => {
    assertEquals(await dataOf({ save: "a" }), "text");
    assertEquals(await dataOf({ save: "made" }), "synthetic:vocab=900");
    assertEquals(await dataOf({ save: "a", data: "synthetic" }), "synthetic");
    assertEquals(await dataOf({ config: "mine.json" }), "mine");
    assertEquals(await dataOf({ save: "a", train: true }), "synthetic");
    const profile = await givenSettings({ save: "a", prof: true }, captureIo());
    assertEquals(profile.data, "synthetic");
  }));

Deno.test("a test by the training loss has the batches of the model's training, where they are known", () =>
  besideModels(async () => {
    const batches = async (given: Given) => {
      const { batchSize, bptt, concat } = await givenSettings(given, captureIo());
      return { batchSize, bptt, concat };
    };
    const ordinary = { batchSize: 20, bptt: 35, concat: false };
    const own = { batchSize: 7, bptt: 35, concat: true };
    assertEquals(await batches({ save: "a", evaluation: "loss" }), own);
    assertEquals(await batches({ save: "a", evaluation: "loss", data: "text" }), own);
    assertEquals(await batches({ save: "a" }), ordinary);
    assertEquals(await batches({ save: "imported", evaluation: "loss", data: "text" }), ordinary);
    const gone: Given = { save: "imported", evaluation: "loss", data: "text" };
    assertEquals(await batches({ ...gone, "batch-size": "7" }), ordinary); // it is told of as ignored
    assertEquals(await batches({ ...gone, config: "batches.json" }), own);
    assertEquals(
      await batches({ save: "a", evaluation: "loss", train: true, loss: "neg" }),
      ordinary,
    );
  }));

Deno.test("a test without --data says in one line that the model's text is gone, or not known", () =>
  besideModels(async () => {
    const refusals = {
      nothing: "There is no model saved_model/nothing.safetensors: saved_model has ",
      gone: "Cannot test saved_model/gone.safetensors on no/text, the text in " +
        "saved_model/gone.config.json: there is no such folder; give a text by --data",
      imported: "Cannot tell the text of saved_model/imported.safetensors: there is no " +
        "saved_model/imported.config.json; give a text by --data",
      damaged: "saved_model/damaged.config.json:1:11: Unexpected end of input found",
    };
    for (const [save, message] of Object.entries(refusals)) {
      await assertRejects(() => givenSettings({ save }, captureIo()), UsageError, message);
    }
  }));
