// The lock of a model: one run at a time, and nothing left when a run ends.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { lockFile } from "../../../example/shared/lock.ts";
import { checkModelWritable, isLocked, lockModel } from "../../../example/storage/lock.ts";
import { run } from "../../../example/commands/run.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";

/** Says where std is. */
const CONFIG = fromFileUrl(import.meta.resolve("../../../deno.json"));
/** The lock of the model `m`. */
const LOCK = "saved_model/m.lock";

/** A process that holds the lock of `m` until its input ends; gives it once it has the lock. */
async function holder(): Promise<Deno.ChildProcess> {
  const module = import.meta.resolve("../../../example/storage/lock.ts");
  const code = `import { lockModel } from "${module}";
    using lock = lockModel("m");
    console.log("locked");
    await Deno.stdin.read(new Uint8Array(1));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", `--config=${CONFIG}`, code],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(new TextDecoder().decode(value), "locked\n");
  reader.releaseLock();
  return child;
}

/** Waits for the end of a process; gives how it ended. */
async function end(child: Deno.ChildProcess): Promise<Deno.CommandStatus> {
  await child.stdout.cancel();
  return await child.status;
}

/** Takes the lock and gives it back. */
function takeAndRelease(): void {
  using _lock = lockModel("m");
  assertEquals(namesIn("saved_model"), ["m.lock"]);
  assertEquals(Deno.readTextFileSync(LOCK), `${Deno.pid}\n`);
}

Deno.test("lockModel() refuses a second run of the same model at once, and no other model", () =>
  inFolder(async () => {
    const child = await holder();
    const message = `Cannot train m: another run (pid ${child.pid}) is writing saved_model/m; ` +
      "wait for it, or give another --save (ranks of one run: --distributed)";
    const error = assertThrows(() => lockModel("m"), Failure);
    assertEquals(error.message, message);
    {
      using _other = lockModel("n");
    }
    await child.stdin.close();
    assertEquals((await end(child)).code, 0);
    assertEquals(namesIn("saved_model"), []);
    takeAndRelease();
    assertEquals(namesIn("saved_model"), []);
  }));

Deno.test("lockModel() is free once its holder was killed", () =>
  inFolder(async () => {
    const child = await holder();
    assertThrows(() => lockModel("m"), Failure, "another run");
    child.kill("SIGKILL");
    await child.stdin.abort();
    assertEquals((await end(child)).signal, "SIGKILL");
    assertEquals(namesIn("saved_model"), ["m.lock"]);
    Deno.writeTextFileSync(LOCK, "1234567890123\n");
    takeAndRelease();
    assertEquals(namesIn("saved_model"), []);
  }));

Deno.test("lockModel() refuses a second run within one process, too", () =>
  inFolder(() => {
    const lock = lockModel("m");
    assertThrows(() => lockModel("m"), Failure, `(pid ${Deno.pid})`);
    Deno.truncateSync(LOCK); // as before the holder has written it
    assertThrows(() => lockModel("m"), Failure, "another run is writing");
    lock[Symbol.dispose]();
    lockModel("m")[Symbol.dispose]();
  }));

Deno.test("lockModel() leaves the lock of another run alone when its own file was removed", () =>
  inFolder(() => {
    const first = lockModel("m");
    Deno.removeSync(LOCK);
    using _second = lockModel("m");
    first[Symbol.dispose]();
    assertThrows(() => lockModel("m"), Failure, "another run");
  }));

/** Fails if the file at `path` is not locked. */
function expectLocked(path: string): void {
  const fail = () => {
    throw new Failure("it is locked");
  };
  assertThrows(() => lockFile(path, fail), Failure, "it is locked");
}

Deno.test("lockFile() takes the file that is there, when its holder has removed the one that it waited for", () =>
  inFolder((folder) => {
    const path = `${folder}/a.lock`, first = lockFile(path, () => {});
    using _second = lockFile(path, () => first[Symbol.dispose]());
    expectLocked(path);
  }));

Deno.test("isLocked() sees a run that holds the lock, and nobody else", () =>
  inFolder(() => {
    assertEquals(isLocked(LOCK), false);
    {
      using _lock = lockModel("m");
      assertEquals(isLocked(LOCK), true);
    }
    using other = Deno.openSync(LOCK, { write: true, create: true, read: true });
    assertEquals([other.tryLockSync(false), isLocked(LOCK)], [true, false]); // it looks as well
  }));

Deno.test("checkModelWritable() refuses a name that a folder has", () =>
  inFolder(() => {
    Deno.mkdirSync("saved_model/m.safetensors", { recursive: true });
    const message = "Cannot write saved_model/m.safetensors: it is a folder";
    assertThrows(() => checkModelWritable("m"), Failure, message);
    checkModelWritable("n");
    assertEquals(namesIn("saved_model"), ["m.safetensors"]);
  }));

Deno.test("lockFile() waits until the holder has ended", () =>
  inFolder(async () => {
    const child = await holder();
    using _lock = lockFile(LOCK, () => child.kill("SIGKILL"));
    await child.stdin.abort();
    assertEquals((await end(child)).signal, "SIGKILL");
    expectLocked(LOCK);
  }));

Deno.test("lockModel() names the file when it cannot be written", () =>
  inFolder(() => {
    Deno.mkdirSync(LOCK, { recursive: true });
    assertThrows(() => lockModel("m"), Failure, `Cannot write ${LOCK}: `);
    Deno.removeSync("saved_model", { recursive: true });
    Deno.writeTextFileSync("saved_model", "");
    const message = `Cannot write ${LOCK}: saved_model is no folder, nor a link to one`;
    assertThrows(() => lockModel("m"), Failure, message);
  }));

Deno.test("lockModel() leaves no file where there is no room for what is in it", () =>
  inFolder(() => {
    const { writeSync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.writeSync = () => {
      throw new Error("No space left on device");
    };
    try {
      assertThrows(() => lockModel("m"), Failure, "No space left");
    } finally {
      Deno.FsFile.prototype.writeSync = writeSync;
    }
    assertEquals(namesIn("saved_model"), []);
    takeAndRelease();
  }));

Deno.test("lockModel() makes its folder again when another process has removed it, empty as it was", () =>
  inFolder(() => {
    const { openSync } = Deno;
    let removals = 0;
    Deno.openSync = (path, options) => {
      if (removals < 2) removals++, Deno.removeSync("saved_model");
      return openSync(path, options);
    };
    try {
      using _lock = lockModel("m");
      assertEquals([namesIn("saved_model"), removals], [["m.lock"], 2]);
    } finally {
      Deno.openSync = openSync;
    }
  }));

Deno.test("run() does not train a model that another run trains, and writes nothing", () =>
  inFolder(async () => {
    using _other = lockModel("m");
    const settings = parseSettings({
      "train": true,
      "save": "m",
      "data": "synthetic:words=1000,vocab=100",
      "emsize": "4",
      "nhid": "4",
    });
    await assertRejects(() => run(settings, captureIo()), Failure, "Cannot train m: another run");
    assertEquals(namesIn("saved_model"), ["m.lock"]);
  }));

Deno.test("run() asks whether its model can be written before it reads the text, and leaves no folder", () =>
  inFolder(async () => {
    const train = () => run(parseSettings({ train: true, data: "none" }), captureIo());
    Deno.writeTextFileSync("saved_model", "mine");
    await assertRejects(train, Failure, "Cannot write saved_model/model.lock: ");
    assertEquals(Deno.readTextFileSync("saved_model"), "mine");
    Deno.removeSync("saved_model");
    await assertRejects(train, UsageError, "Cannot read --data none");
    assertEquals(namesIn("."), []);
  }));
