// The options and the counts beside a model are its own, whenever a later run of its name is stopped.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { givenSettings } from "../../../example/cli/given_settings.ts";
import { run } from "../../../example/commands/run.ts";
import type { Given } from "../../../example/options/option.ts";
import { UsageError } from "../../../example/shared/errors.ts";
import { keepPrevious, takeWaiting, writeBeside } from "../../../example/storage/beside_model.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";
import { CHECKPOINT, crashAt, finish, NCE } from "../../support/resumed.ts";

leaseToProgram();

/** The files in `saved_model` that begin with `name`, with their content. */
function files(): Record<string, string> {
  const names = namesIn("saved_model");
  return Object.fromEntries(
    names.map((name) => [name, Deno.readTextFileSync(`saved_model/${name}`)]),
  );
}

function write(save: string, hasModel: boolean, text: string): void {
  writeBeside(save, hasModel, { "config.json": [text], "freq.txt": [text, text] });
}

Deno.test("what a run writes waits until it has a model, and goes with the model", () =>
  inFolder(() => {
    const writeModel = (text: string) => Deno.writeTextFileSync("saved_model/a.safetensors", text);
    write("a", false, "1");
    writeModel("one");
    const one = { "a.config.json": "1", "a.freq.txt": "11", "a.safetensors": "one" };
    assertEquals(files(), one);
    write("a", false, "2"); // stopped
    write("a", false, "3");
    const waiting = { "a.checkpoint.config.json": "3", "a.checkpoint.freq.txt": "33" };
    assertEquals(files(), { ...one, ...waiting });
    keepPrevious("a");
    const previous = {
      ...{ "a.previous.config.json": "1", "a.previous.freq.txt": "11" },
      "a.previous.safetensors": "one",
    };
    assertEquals(files(), { ...previous, ...waiting });
    writeModel("three");
    takeWaiting("a");
    const three = { "a.config.json": "3", "a.freq.txt": "33", "a.safetensors": "three" };
    assertEquals(files(), { ...three, ...previous });
    write("a", true, "4"); // the same run, resumed
    takeWaiting("a");
    assertEquals(files(), {
      ...previous,
      ...{ "a.config.json": "4", "a.freq.txt": "44", "a.safetensors": "three" },
    });
    // A model without them, as an imported one, leaves those of the model before it beside none.
    for (const name of ["config.json", "freq.txt"]) Deno.removeSync(`saved_model/a.${name}`);
    keepPrevious("a");
    assertEquals(files(), { "a.previous.safetensors": "three" });
    // Where the model was removed, what has waited for a run that is not resumed is not taken.
    writeModel("five");
    write("a", false, "5");
    Deno.removeSync("saved_model/a.safetensors");
    write("a", false, "6");
    takeWaiting("a");
    assertEquals(files()["a.config.json"], "6");
  }));

Deno.test("a run that is stopped before its first model leaves the model before its text, and goes on by its own options", () =>
  inFolder(async () => {
    const first: Given = { ...NCE, "epochs": "1" };
    const second: Given = { ...first, "data": "synthetic:words=1200,vocab=110", "lr": "0.3" };
    const textOf = async (save: string) => (await givenSettings({ save }, captureIo())).data;
    await finish(first);
    const before = files();
    await crashAt("epoch 1/1 | batch 3/", second);
    for (const name of ["safetensors", "config.json", "freq.txt"]) {
      assertEquals(files()[`model.${name}`], before[`model.${name}`], name);
    }
    assertEquals(await textOf("model"), NCE["data"]);
    const path = "saved_model/model.checkpoint.config.json";
    await assertRejects(
      () => finish({ ...first, "resume": true }),
      UsageError,
      `Cannot resume ${CHECKPOINT} with --lr 0.5, as it was begun with --lr 0.3: give what it was ` +
        `begun with (--config ${path})`,
    );
    const options = { "config": path, "resume": true };
    const io = captureIo();
    await run(await givenSettings(options, io), io);
    assert(io.outLines.some((line) => line.startsWith(`resumes     ${CHECKPOINT}: epoch 1`)));
    assertEquals(await textOf("model"), second["data"]);
    assertEquals(await textOf("model.previous"), NCE["data"]);
    const now = files();
    assertEquals(now["model.previous.config.json"], before["model.config.json"]);
    assertEquals(now["model.previous.freq.txt"], before["model.freq.txt"]);
    assert(now["model.freq.txt"] !== before["model.freq.txt"]);
    assert(!Object.keys(now).includes("model.checkpoint.config.json"));
    // Once it has a model, its options stand beside that, whatever begins and writes no checkpoint.
    for (const begun of [false, true]) {
      if (begun) Deno.writeTextFileSync(path, "{}");
      await assertRejects(
        () => finish({ ...first, "resume": true }),
        UsageError,
        "(--config saved_model/model.config.json)",
      );
    }
  }));
