// The tuning of a command: measured once for an adapter, kept, read again, and the same on all ranks.

import { assertEquals, assertMatch } from "@std/assert";
import { openGpu } from "../../../example/storage/open_gpu.ts";
import { tuneGpu } from "../../../example/commands/tune_gpu.ts";
import { Ranks } from "../../../example/shared/ranks.ts";
import { FIXED_TUNING, ranksInProcess, type Tuning } from "../../../kernels/mod.ts";
import { Gpu } from "../../../mod.ts";
import { asHardware } from "../../support/as_hardware.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";

const FILE = "saved_model/tuning.json";
const FOUND: Tuning = { ...FIXED_TUNING, busy: 96 };

/** Opens the GPU, tunes it and returns its tuning, how often kernels were timed, and what was printed. */
async function tuned(autotune = true, found = FOUND) {
  const io = captureIo();
  let measured = 0;
  await using gpu = await openGpu({ autotune });
  await tuneGpu(gpu, { autotune }, io, new Ranks(), () => {
    measured++;
    return Promise.resolve(found);
  });
  return { tuning: gpu.tuning, measured, lines: io.outLines.length + io.errLines.length };
}

const ONCE = { tuning: FOUND, measured: 1, lines: 1 };
const KEPT = { tuning: FOUND, measured: 0, lines: 0 };
const FIXED = { tuning: FIXED_TUNING, measured: 0, lines: 0 };

Deno.test("tuneGpu() times kernels once for an adapter, and keeps the choice beside the models", () =>
  inFolder(() =>
    asHardware(async () => {
      assertEquals(await tuned(), ONCE);
      assertEquals(await tuned(true, FIXED_TUNING), KEPT);
      assertEquals(await tuned(false), FIXED, "--no-autotune");
      const { made, adapters } = JSON.parse(Deno.readTextFileSync(FILE));
      assertMatch(made, /^nce \d+\.\d+\.\d+, deno \d+\.\d+\.\d+$/);
      assertEquals(Object.keys(adapters).map((name) => name.split(" (")[0]), ["a pretended GPU"]);
    })
  ));

Deno.test("tuneGpu() times kernels anew if the file is damaged, or of another version", () =>
  inFolder(() =>
    asHardware(async () => {
      await tuned();
      const good = Deno.readTextFileSync(FILE), kept = JSON.parse(good);
      const [name] = Object.keys(kept.adapters);
      const { wholeUnits: _wholeUnits, ...older } = FOUND;
      const bad = [
        good.slice(0, -9),
        "[]",
        JSON.stringify({ ...kept, made: "nce 0.0.1, deno 2.9.6" }),
        JSON.stringify({ ...kept, adapters: null }),
        JSON.stringify({ ...kept, adapters: { [name!]: { ...FOUND, busy: -1 } } }),
        JSON.stringify({ ...kept, adapters: { [name!]: { ...older, keptFours: 1 } } }),
        JSON.stringify({ ...kept, adapters: { "another GPU": FOUND } }),
      ];
      for (const text of bad) {
        Deno.writeTextFileSync(FILE, text);
        assertEquals(await tuned(), ONCE, text);
        assertEquals(await tuned(), KEPT, text);
      }
      assertEquals(JSON.parse(Deno.readTextFileSync(FILE)).adapters["another GPU"], FOUND);
    })
  ));

Deno.test("tuneGpu() keeps what another run keeps at the same time", () =>
  inFolder(() =>
    asHardware(async () => {
      await tuned();
      const kept = JSON.parse(Deno.readTextFileSync(FILE)), { tryLockSync } = Deno.FsFile.prototype;
      Deno.removeSync(FILE);
      // The other run ends its writing when this one has timed its kernels and asks for the lock.
      Deno.FsFile.prototype.tryLockSync = function (exclusive) {
        Deno.writeTextFileSync(
          FILE,
          JSON.stringify({ ...kept, adapters: { "another GPU": FOUND } }),
        );
        return tryLockSync.call(this, exclusive);
      };
      try {
        assertEquals(await tuned(), ONCE);
      } finally {
        Object.assign(Deno.FsFile.prototype, { tryLockSync });
      }
      const { adapters } = JSON.parse(Deno.readTextFileSync(FILE));
      assertEquals(adapters, { "another GPU": FOUND, ...kept.adapters });
      assertEquals(namesIn("saved_model"), ["tuning.json"]);
    })
  ));

Deno.test("tuneGpu() keeps nothing where it may not read what others have kept", () =>
  inFolder(() =>
    asHardware(async () => {
      await tuned();
      const before = Deno.readTextFileSync(FILE), { querySync } = Deno.permissions; // tests have no ffi
      Deno.permissions.querySync = (which) =>
        querySync.call(Deno.permissions, which.name === "read" ? { name: "ffi" } : which);
      try {
        assertEquals(await tuned(true, { ...FOUND, busy: 1 }), {
          ...ONCE,
          tuning: { ...FOUND, busy: 1 },
        });
      } finally {
        Deno.permissions.querySync = querySync;
      }
      assertEquals(Deno.readTextFileSync(FILE), before);
    })
  ));

Deno.test("tuneGpu() goes on where nothing can be kept", () =>
  inFolder(() =>
    asHardware(async () => {
      Deno.writeTextFileSync("saved_model", "in the folder's place");
      assertEquals(await tuned(), ONCE);
      assertEquals(await tuned(), ONCE);
    })
  ));

Deno.test("tuneGpu() takes the fixed tuning on software adapters, without timing", () =>
  inFolder(async () => {
    await using gpu = await Gpu.create();
    assertEquals(await tuned(), gpu.software ? FIXED : ONCE);
  }));

Deno.test("tuneGpu() gives all ranks rank 0's choice, which alone times", () =>
  inFolder(() =>
    asHardware(async () => {
      await using gpus = new AsyncDisposableStack();
      let measured = 0;
      const all = await Promise.all(
        ranksInProcess(3).map(async (communicator) => {
          const gpu = gpus.use(await Gpu.create());
          await tuneGpu(gpu, { autotune: true }, captureIo(), new Ranks(communicator), () => {
            measured++;
            return Promise.resolve({ ...FOUND, wholeRows: communicator.rank });
          });
          return gpu.tuning;
        }),
      );
      assertEquals(all, Array(3).fill({ ...FOUND, wholeRows: 0 }));
      assertEquals(measured, 1);
    })
  ));
