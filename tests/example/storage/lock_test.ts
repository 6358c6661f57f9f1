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

/** A process that holds the lock of `save` until its input ends; gives it once it has the lock. */
async function holder(save: string, folder: string): Promise<Deno.ChildProcess> {
  const module = import.meta.resolve("../../../example/storage/lock.ts");
  const code = `import { lockModel } from "${module}";
    using lock = lockModel("${save}", "${folder}");
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
function takeAndRelease(folder: string): void {
  using _lock = lockModel("m", folder);
  assertEquals(namesIn(folder), ["m.lock"]);
  assertEquals(Deno.readTextFileSync(`${folder}/m.lock`), `${Deno.pid}\n`);
}

Deno.test("lockModel() refuses a second run of the same model at once, and no other model", () =>
  inFolder(async (folder) => {
    const child = await holder("m", folder);
    const message = `Cannot train m: another run (pid ${child.pid}) is writing ${folder}/m; ` +
      "wait for it, or give another --save (ranks of one run: --distributed)";
    const error = assertThrows(() => lockModel("m", folder), Failure);
    assertEquals(error.message, message);
    {
      using _other = lockModel("n", folder);
    }
    await child.stdin.close();
    assertEquals((await end(child)).code, 0);
    assertEquals(namesIn(folder), []);
    takeAndRelease(folder);
    assertEquals(namesIn(folder), []);
  }));

Deno.test("lockModel() is free once its holder was killed", () =>
  inFolder(async (folder) => {
    const child = await holder("m", folder);
    assertThrows(() => lockModel("m", folder), Failure, "another run");
    child.kill("SIGKILL");
    await child.stdin.abort();
    assertEquals((await end(child)).signal, "SIGKILL");
    assertEquals(namesIn(folder), ["m.lock"]);
    Deno.writeTextFileSync(`${folder}/m.lock`, "1234567890123\n");
    takeAndRelease(folder);
    assertEquals(namesIn(folder), []);
  }));

Deno.test("lockModel() refuses a second run within one process, too", () =>
  inFolder((folder) => {
    const lock = lockModel("m", `${folder}/new`);
    assertThrows(() => lockModel("m", `${folder}/new`), Failure, `(pid ${Deno.pid})`);
    Deno.truncateSync(`${folder}/new/m.lock`); // as before the holder has written it
    assertThrows(() => lockModel("m", `${folder}/new`), Failure, "another run is writing");
    lock[Symbol.dispose]();
    lockModel("m", `${folder}/new`)[Symbol.dispose]();
  }));

Deno.test("lockModel() leaves the lock of another run alone when its own file was removed", () =>
  inFolder((folder) => {
    const first = lockModel("m", folder);
    Deno.removeSync(`${folder}/m.lock`);
    using _second = lockModel("m", folder);
    first[Symbol.dispose]();
    assertThrows(() => lockModel("m", folder), Failure, "another run");
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
  inFolder((folder) => {
    const path = `${folder}/m.lock`;
    assertEquals(isLocked(path), false);
    {
      using _lock = lockModel("m", folder);
      assertEquals(isLocked(path), true);
    }
    using other = Deno.openSync(path, { write: true, create: true, read: true });
    assertEquals([other.tryLockSync(false), isLocked(path)], [true, false]); // it looks as well
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
  inFolder(async (folder) => {
    const child = await holder("m", folder), path = `${folder}/m.lock`;
    using _lock = lockFile(path, () => child.kill("SIGKILL"));
    await child.stdin.abort();
    assertEquals((await end(child)).signal, "SIGKILL");
    expectLocked(path);
  }));

Deno.test("lockModel() names the file when it cannot be written", () =>
  inFolder((folder) => {
    Deno.mkdirSync(`${folder}/m.lock`);
    assertThrows(() => lockModel("m", folder), Failure, `Cannot write ${folder}/m.lock: `);
    Deno.writeTextFileSync(`${folder}/file`, "");
    const path = `${folder}/file/m.lock`;
    assertThrows(
      () => lockModel("m", `${folder}/file`),
      Failure,
      `Cannot write ${path}: ${folder}/file is a file, not a folder`,
    );
  }));

Deno.test("lockModel() leaves no file where there is no room for what is in it", () =>
  inFolder((folder) => {
    const { writeSync } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.writeSync = () => {
      throw new Error("No space left on device");
    };
    try {
      assertThrows(() => lockModel("m", folder), Failure, "No space left");
    } finally {
      Deno.FsFile.prototype.writeSync = writeSync;
    }
    assertEquals(namesIn(folder), []);
    takeAndRelease(folder);
  }));

Deno.test("run() does not train a model that another run trains, and writes nothing", () =>
  inFolder(async (folder) => {
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
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
    } finally {
      Deno.chdir(before);
    }
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
