// A run that ends before its first epoch does: the model that it leaves, and what becomes of that.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Given } from "../../../example/options/option.ts";
import { findModel } from "../../../example/storage/open_model.ts";
import { finishedRun } from "../../support/finished_run.ts";
import { assertClose } from "../../support/close.ts";
import { inFolder } from "../../support/folder.ts";
import { finish, NCE } from "../../support/resumed.ts";
import { lastLine, runTiny } from "../../support/tiny_run.ts";
import { trainTogether } from "../../support/together.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const PATH = "saved_model/model.safetensors", PREVIOUS = "saved_model/model.previous.safetensors";
const SHORT: Given = { ...NCE, "epochs": "1" };
/** Ends before the first batch. */
const STOPPED: Given = { ...SHORT, "max-minutes": "0" };

/** The first line that begins with this word. */
function line({ outLines }: { outLines: readonly string[] }, word: string): string | undefined {
  return outLines.find((line) => line.startsWith(`${word} `));
}

Deno.test("a run that has completed no epoch leaves its model, and --resume ends as if it had not stopped", () =>
  inFolder(async (folder) => {
    await finish(SHORT);
    const expected = await finishedRun(`${folder}/saved_model`);
    Deno.removeSync("saved_model", { recursive: true });
    const { "train": _train, "epochs": _epochs, ...test } = NCE;
    let tested = "";
    for (const more of [{}, { "resume": true }]) { // the second replaces the first one's
      const io = await finish({ ...STOPPED, ...more });
      assertMatch(
        line(io, "testing")!,
        /^testing +saved_model\/model\.safetensors, the model as it is, as no epoch was completed \(valid ppl [\d.]+\)$/,
      );
      tested = lastLine(io.outLines);
    }
    assertEquals(lastLine(await runTiny(test)), tested);
    assert(findModel("model").card !== undefined, "--mode raw-best needs it");
    const resumed = await finish({ ...SHORT, "resume": true });
    assertMatch(
      line(resumed, "replaces")!,
      /^replaces +saved_model\/model\.safetensors \(valid ppl [\d.]+\) when the first epoch is done$/,
    );
    assertEquals(await finishedRun(`${folder}/saved_model`), expected);
  }));

Deno.test("the model of no completed epoch replaces none of another run, and a new run does not keep it", () =>
  inFolder(async () => {
    Deno.mkdirSync("saved_model");
    for (const path of [PATH, PREVIOUS]) Deno.writeTextFileSync(path, "another run's");
    const stays = await finish(STOPPED);
    assertEquals(
      line(stays, "testing"),
      `testing     the model as it is, as no epoch was completed; ${PATH} stays that of another run`,
    );
    for (const path of [PATH, PREVIOUS]) {
      assertEquals(Deno.readTextFileSync(path), "another run's");
    }
    Deno.removeSync(PATH);
    await finish(STOPPED);
    await finish(SHORT);
    assertEquals(Deno.readTextFileSync(PREVIOUS), "another run's", "what was kept before");
  }));

Deno.test("ranks leave the model of no completed epoch together, also from divided tables", () =>
  inFolder(async () => {
    const lines = await trainTogether({ ...STOPPED, "distributed": true, "shard-tables": true }, 2);
    assert(lines.some((line) => /^testing +saved_model\/model\.safetensors, /.test(line)));
    const { "train": _train, "epochs": _epochs, ...test } = NCE;
    const [whole, parts] = [await runTiny(test), lines].map((lines) =>
      Number(/ppl ([\d.]+)/.exec(lastLine(lines))![1])
    );
    assertClose([whole!], [parts!], { rtol: 1e-3 });
  }));
