// Writing files whole or not at all, and reading them in parts.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Failure } from "../../../example/shared/errors.ts";
import {
  AtomicFile,
  checkWritable,
  openBytes,
  writeFileAtomically,
} from "../../../example/shared/files.ts";
import { inFolder, namesIn } from "../../support/folder.ts";

/** Says where std is. */
const CONFIG = fromFileUrl(import.meta.resolve("../../../deno.json"));

Deno.test("writeFileAtomically() replaces a file and leaves nothing else", () =>
  inFolder((folder) => {
    const path = `${folder}/new/a.txt`;
    for (const below of ["", "/deeper/still"]) {
      checkWritable(`${folder}/new${below}/a.txt`);
      assertEquals(namesIn(folder), []);
    }
    writeFileAtomically(path, "one");
    writeFileAtomically(path, new Uint8Array([1, 2]));
    assertEquals([...Deno.readFileSync(path)], [1, 2]);
    assertEquals(namesIn(`${folder}/new`), ["a.txt"]);
  }));

Deno.test("writeFileAtomically() writes to the current folder", () =>
  inFolder((folder) => {
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      writeFileAtomically("a.txt", "one");
      assertEquals(Deno.readTextFileSync("a.txt"), "one");
    } finally {
      Deno.chdir(before);
    }
  }));

Deno.test("writeFileAtomically() throws a Failure and cleans up when it cannot write", () =>
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "x");
    Deno.mkdirSync(`${folder}/taken`);
    Deno.symlinkSync("/dev/null", `${folder}/null`);
    const cases: [string, string][] = [
      [`${folder}/taken`, "it is a folder"],
      [`${folder}/null`, "it is a device or a pipe, no file"],
      [`${folder}/file/below`, `${folder}/file is a file, not a folder`],
      [`${folder}/file/new/below`, `${folder}/file is a file, not a folder`],
    ];
    for (const [path, why] of cases) {
      const message = `Cannot write ${path}: ${why}`;
      assertThrows(() => writeFileAtomically(path, "x"), Failure, message);
      assertThrows(() => checkWritable(path), Failure, message);
    }
    assertEquals(namesIn(folder), ["file", "null", "taken"]);
  }));

Deno.test("AtomicFile leaves the old file as it is when it is not committed", () =>
  inFolder((folder) => {
    const path = `${folder}/a`;
    writeFileAtomically(path, "old");
    {
      using file = new AtomicFile(path);
      file.write(new Uint8Array([1]));
      assertEquals(namesIn(folder), ["a", "a.tmp"]);
    }
    assertEquals(namesIn(folder), ["a"]);
    assertEquals(Deno.readTextFileSync(path), "old");
  }));

Deno.test("AtomicFile throws a Failure when the name was taken by a folder meanwhile", () =>
  inFolder((folder) => {
    const path = `${folder}/a`;
    {
      using file = new AtomicFile(path);
      Deno.mkdirSync(path);
      assertThrows(() => file.commit(), Failure, `Cannot write ${path}: `);
    }
    assertEquals(namesIn(folder), ["a"]);
  }));

Deno.test("a killed process leaves one temporary file, which the next write replaces", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a`, module = import.meta.resolve("../../../example/shared/files.ts");
    const code = `import { AtomicFile } from "${module}";
      const file = new AtomicFile("${path}");
      file.write(new Uint8Array(1000));
      Deno.kill(Deno.pid, "SIGKILL");`;
    for (let kills = 0; kills < 2; kills++) {
      const { signal } = await new Deno.Command(Deno.execPath(), {
        args: ["eval", `--config=${CONFIG}`, code],
      }).output();
      assertEquals(signal, "SIGKILL");
      assertEquals(namesIn(folder), ["a.tmp"]);
    }
    checkWritable(path);
    assertEquals(namesIn(folder), []);
    Deno.writeTextFileSync(`${path}.tmp`, "what was left");
    writeFileAtomically(path, "new");
    assertEquals(namesIn(folder), ["a"]);
    assertEquals(Deno.readTextFileSync(path), "new");
  }));

Deno.test("openBytes() reads parts of a file", () =>
  inFolder((folder) => {
    const path = `${folder}/a`;
    Deno.writeFileSync(path, new Uint8Array([0, 1, 2, 3, 4]));
    using file = openBytes(path);
    assertEquals(file.size, 5);
    assertEquals([...file.read(1, 4)], [1, 2, 3]);
    assertEquals([...file.read(0, 5)], [0, 1, 2, 3, 4]);
    assertEquals([...file.read(5, 5)], []);
    Deno.truncateSync(path, 3);
    assertThrows(() => file.read(1, 4), Failure, `Cannot read ${path}: it became shorter`);
  }));

Deno.test("openBytes() refuses what is no file, and does not wait for its end", () =>
  inFolder((folder) => {
    Deno.symlinkSync("/dev/zero", `${folder}/endless`);
    const cases: [string, string][] = [
      [`${folder}/none`, "No such file"],
      [folder, "it is a folder, not a file"],
      [`${folder}/endless`, "it is something else, not a file"],
    ];
    for (const [path, message] of cases) {
      const error = assertThrows(() => openBytes(path, "load"), Failure, message);
      assert(error.message.startsWith(`Cannot load ${path}: `), error.message);
    }
  }));
