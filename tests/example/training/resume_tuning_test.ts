// --resume takes the variants of kernels that the run was begun with, whatever is the fastest by now.

import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { run } from "../../../example/commands/run.ts";
import { tuneGpu } from "../../../example/commands/tune_gpu.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { FIXED_TUNING, type Tuning } from "../../../kernels/mod.ts";
import { Gpu } from "../../../mod.ts";
import { asHardware } from "../../support/as_hardware.ts";
import { captureIo } from "../../support/capture_io.ts";
import { finishedRun } from "../../support/finished_run.ts";
import { inFolder } from "../../support/folder.ts";
import { events } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

/** Layers of recurrent units run one launch a time step, and so sum in another order. */
const OTHER: Tuning = { ...FIXED_TUNING, wholeRows: 0 };
const GIVEN: Given = {
  "train": true,
  "nce": true,
  "data": "synthetic:words=1000,vocab=100",
  "emsize": "12",
  "nhid": "12",
  "nlayers": "1",
  "noise-ratio": "10",
};

async function train(given: Given): Promise<void> {
  await run(parseSettings({ ...GIVEN, ...given }), captureIo());
}

/** Makes `tuning` what later runs in this folder take. */
async function choose(tuning: Tuning): Promise<void> {
  await Deno.remove("saved_model/tuning.json").catch(() => {});
  await using gpu = await Gpu.create();
  await tuneGpu(gpu, { autotune: true }, captureIo(), undefined, () => Promise.resolve(tuning));
}

/** Trains an epoch with each tuning, the second one by --resume. */
function trained(...tunings: [Tuning, Tuning]): ReturnType<typeof finishedRun> {
  return inFolder(async (folder) => {
    await choose(tunings[0]);
    await train({ "epochs": "1" });
    await choose(tunings[1]);
    await train({ "epochs": "2", "resume": true });
    assertEquals(events("model")[0]!["tuning"], tunings[0]);
    return await finishedRun(`${folder}/saved_model`);
  });
}

Deno.test("run() --resume goes on with the tuning of the checkpoint to the same bits", () =>
  asHardware(async () => {
    const expected = await trained(OTHER, OTHER), fixed = await trained(FIXED_TUNING, OTHER);
    assertNotEquals(fixed.model, expected.model); // else the following would hold by itself
    assertEquals(await trained(OTHER, FIXED_TUNING), expected);
  }));

Deno.test("run() --resume refuses a checkpoint whose tuning is damaged", () =>
  asHardware(() =>
    inFolder(async () => {
      const path = "saved_model/model.checkpoint.safetensors";
      await choose(OTHER);
      await train({ "epochs": "1" });
      // Not by TextDecoder: its "latin1" has other letters for the bytes from 0x80 to 0x9f.
      const text = Array.from(Deno.readFileSync(path), (byte) => String.fromCharCode(byte)).join(
        "",
      );
      const damaged = text.replace('wholeRows\\":0', 'wholeRows\\":x');
      assertNotEquals(damaged, text);
      const wrong = text.replace('"wholeRows\\":0', '"wholeCows\\":0');
      for (
        const [bad, what] of [[damaged, "state is not JSON"], [
          wrong,
          "state.tuning is not a tuning",
        ]] as const
      ) {
        Deno.writeFileSync(path, Uint8Array.from(bad, (letter) => letter.charCodeAt(0)));
        await assertRejects(() => train({ "epochs": "2", "resume": true }), Failure, what);
      }
    })
  ));
