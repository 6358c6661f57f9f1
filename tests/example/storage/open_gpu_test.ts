// The GPU that commands open: each takes the tuning that training has kept for the adapter, and its numbers.

import { assertEquals } from "@std/assert";
import { doctor, doctorOf } from "../../../example/commands/doctor.ts";
import { generate } from "../../../example/commands/generate.ts";
import { openGpu, warnOfAdapter } from "../../../example/storage/open_gpu.ts";
import { rescore } from "../../../example/commands/rescore.ts";
import { run } from "../../../example/commands/run.ts";
import { score } from "../../../example/commands/score.ts";
import { tuneGpu } from "../../../example/commands/tune_gpu.ts";
import type { Given } from "../../../example/options/option.ts";
import type { Settings } from "../../../example/options/options.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { atRank } from "../../../example/shared/io.ts";
import { Ranks } from "../../../example/shared/ranks.ts";
import { FIXED_TUNING, ranksInProcess, type Tuning } from "../../../kernels/mod.ts";
import type { Compute, Gpu } from "../../../mod.ts";
import { asHardware } from "../../support/as_hardware.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { openedGpus } from "../../support/opened_gpus.ts";
import { saveSmallModel } from "../../support/saved_models.ts";

/** What training is made to find; the layers of the models then run in other launches. */
const FOUND: Tuning = { ...FIXED_TUNING, wholeRows: 0 };
const LISTS = '{"id":"u","reference":"w1 w2","hypotheses":[{"text":"w1 w3","acoustic":-1}]}\n';
const SMALL: Given = {
  ...{ "data": "synthetic:words=1000,vocab=100", "emsize": "8", "nhid": "8", "nlayers": "1" },
  ...{ "nce": true, "noise-ratio": "3" },
};

/** Runs `body` in a folder with a model and texts, on a pretended GPU. */
function withModel<T>(body: () => Promise<T>): Promise<T> {
  return inFolder(async () => {
    await withGpu(async (gpu) => void await saveSmallModel(gpu, "tiny"));
    return await asHardware(body);
  }, { text: "w1 w2 w3\nw4 w5\n", lists: LISTS });
}

/** Does what training does first, and finds this. */
async function train(tuning: Tuning, compute: Compute = "f32"): Promise<void> {
  await using gpu = await openGpu({ compute });
  await tuneGpu(gpu, { autotune: true }, captureIo(), undefined, () => Promise.resolve(tuning));
}

function tuningsOf(gpus: readonly Gpu[]): Tuning[] {
  return gpus.map(({ tuning }) => tuning);
}

function trial(given: Given): Settings {
  return parseSettings({ "train": true, ...SMALL, ...given });
}

/** The commands that open a GPU. */
const COMMANDS: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  score: () => score(["tiny", "text"], {}, captureIo()),
  rescore: () => rescore(["tiny", "lists"], { "lm-weight": "1", "word-penalty": "0" }, captureIo()),
  generate: () => generate(["tiny", "w1"], {}, captureIo()),
  test: (given) =>
    run(parseSettings({ "data": SMALL["data"], "save": "tiny", ...given }), captureIo()),
  doctor: () => doctor(trial({}), true, captureIo(), 20),
};

Deno.test("every command takes the tuning that training has kept for this adapter", () =>
  withModel(async () => {
    await train(FOUND);
    for (const [name, command] of Object.entries(COMMANDS)) {
      assertEquals(tuningsOf(await openedGpus(() => command({}))), [FOUND], name);
    }
    const fixed = await openedGpus(() => COMMANDS["test"]!({ "autotune": false }));
    assertEquals(tuningsOf(fixed), [FIXED_TUNING], "--no-autotune");
  }));

Deno.test("commands that only read take the fixed tuning where none is kept, and say and keep nothing", () =>
  withModel(async () => {
    const files = namesIn("saved_model");
    for (const name of ["score", "rescore", "generate"]) {
      const gpus = await openedGpus(() => COMMANDS[name]!({}));
      assertEquals(tuningsOf(gpus), [FIXED_TUNING], name);
      assertEquals(namesIn("saved_model"), files, name);
    }
  }));

Deno.test("a command warns of its adapter in one line, and not of OpenGL where set-up just did", () => {
  const warnings = (backend: Gpu["backend"]) => {
    const io = captureIo();
    warnOfAdapter({ name: "x", software: false, backend } as Gpu, io);
    return io.errLines;
  };
  assertEquals(warnings("vulkan"), []);
  const [warning, ...more] = warnings("opengl");
  assertEquals([warning?.startsWith("warning: this is OpenGL, "), more], [true, []]);
  Deno.env.set("NCE_SET_UP", "1");
  try {
    assertEquals(warnings("opengl"), []);
  } finally {
    Deno.env.delete("NCE_SET_UP");
  }
});

Deno.test("openGpu() keeps f16's tuning apart from f32's", () =>
  inFolder(() =>
    asHardware(async () => {
      const kept = async (compute: Compute) => {
        await using gpu = await openGpu({ compute });
        return gpu.tuning;
      };
      const other = { ...FOUND, busy: 96 };
      await train(other, "f16");
      assertEquals([await kept("f32"), await kept("f16")], [FIXED_TUNING, other]);
      await train(FOUND, "f32");
      assertEquals([await kept("f32"), await kept("f16")], [FOUND, other]);
    })
  ));

Deno.test("doctor --distributed runs all ranks with one tuning, as training does", () =>
  inFolder(() =>
    asHardware(async () => {
      const settings = trial({ "distributed": true }), io = captureIo();
      const examine = async () => {
        await Promise.all(
          ranksInProcess(2).map((communicator, rank) => {
            const fellows = { ranks: new Ranks(communicator), library: "MPI", host: "a" };
            return doctorOf({ settings, io: atRank(io, rank), trialMs: 20, fellows }, true);
          }),
        );
      };
      // As if each machine's own folder had another one.
      const kept = [FOUND, { ...FOUND, busy: 96 }];
      const gpus = await openedGpus(examine, (gpu, i) => gpu.tuning = kept[i]!);
      const [one, other] = tuningsOf(gpus);
      assertEquals(one, other);
    })
  ));
