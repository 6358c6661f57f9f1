// Writing files whole or not at all, and reading them in parts.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes";
import { fromFileUrl } from "@std/path";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import {
  AtomicFile,
  checkFile,
  checkWritable,
  chunksOf,
  namesIn as namesInOrder,
  openBytes,
  writeFileAtomically,
} from "../../../example/shared/files.ts";
import { firstIndex, runningSum } from "../../../example/shared/search.ts";
import { inFolder, namesIn } from "../../support/folder.ts";

/** The file `a` while it is written. */
const UNFINISHED = "a.nce-unfinished.tmp";
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
    writeFileAtomically(path, ["tw", "o"]);
    assertEquals(Deno.readTextFileSync(path), "two");
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
    Deno.symlinkSync(`${folder}/unmounted`, `${folder}/link`);
    const cases: [string, string][] = [
      [`${folder}/taken`, "it is a folder"],
      [`${folder}/`, "it is a folder"],
      [`${folder}/new/`, "it is a folder"],
      [`${folder}/null`, "it is a device or a pipe, no file"],
      [`${folder}/file/below`, `${folder}/file is no folder, nor a link to one`],
      [`${folder}/file/new/below`, `${folder}/file is no folder, nor a link to one`],
      [`${folder}/link/below`, `${folder}/link is no folder, nor a link to one`],
      [`${folder}/link/new/below`, `${folder}/link is no folder, nor a link to one`],
    ];
    for (const [path, why] of cases) {
      const message = `Cannot write ${path}: ${why}`;
      assertThrows(() => writeFileAtomically(path, "x"), Failure, message);
      assertThrows(() => checkWritable(path), Failure, message);
    }
    assertEquals(namesIn(folder), ["file", "link", "null", "taken"]);
  }));

Deno.test("AtomicFile leaves the old file as it is when it is not committed", () =>
  inFolder((folder) => {
    const path = `${folder}/a`;
    writeFileAtomically(path, "old");
    {
      using file = new AtomicFile(path);
      file.write(new Uint8Array([1]));
      assertEquals(namesIn(folder), ["a", UNFINISHED]);
    }
    assertEquals(namesIn(folder), ["a"]);
    assertEquals(Deno.readTextFileSync(path), "old");
  }));

Deno.test("AtomicFile leaves a user's own files beside it as they are", () =>
  inFolder((folder) => {
    const names = ["a.tmp", "a.temp", "a.part", "a~", ".a"];
    for (const name of names) Deno.writeTextFileSync(`${folder}/${name}`, name);
    checkWritable(`${folder}/a`);
    writeFileAtomically(`${folder}/a`, "new");
    for (const name of names) assertEquals(Deno.readTextFileSync(`${folder}/${name}`), name);
    assertEquals(namesIn(folder), [...names, "a"].sort());
  }));

Deno.test("AtomicFile keeps the order of what is written, small pieces and large ones", () =>
  inFolder((folder) => {
    const path = `${folder}/a`, sizes = [3, 1 << 17, 5, (1 << 16) - 4, 7];
    {
      using file = new AtomicFile(path);
      sizes.forEach((size, i) => file.write(new Uint8Array(size).fill(i)));
      file.commit();
    }
    const bytes = Deno.readFileSync(path), starts = runningSum(sizes);
    assertEquals(bytes.length, starts.at(-1));
    assert(bytes.every((byte, at) => byte === firstIndex(sizes.length, (i) => at < starts[i]!)));
  }));

Deno.test("AtomicFile is on disk before it has its name, and the name is before commit() returns", () =>
  inFolder((folder) => {
    const { syncSync } = Deno.FsFile.prototype, { renameSync } = Deno, done: string[] = [];
    Deno.FsFile.prototype.syncSync = function () {
      done.push(this.statSync().isDirectory ? "sync folder" : "sync file");
    };
    Deno.renameSync = (from, to) => {
      done.push("rename");
      renameSync(from, to);
    };
    try {
      writeFileAtomically(`${folder}/a`, "one");
    } finally {
      Deno.FsFile.prototype.syncSync = syncSync;
      Object.assign(Deno, { renameSync });
    }
    const ofFolder = Deno.build.os === "windows" ? [] : ["sync folder"];
    assertEquals(done, ["sync file", "rename", ...ofFolder]);
  }));

Deno.test("checkWritable() refuses a folder that cannot be synced, unless its file system syncs none", () =>
  inFolder((folder) => {
    const { syncSync } = Deno.FsFile.prototype;
    try {
      for (const code of ["EIO", "EINVAL"]) {
        Deno.FsFile.prototype.syncSync = () => {
          throw Object.assign(new Error(code), { code });
        };
        const check = () => checkWritable(`${folder}/a`);
        if (code === "EIO") assertThrows(check, Failure, `Cannot write ${folder}/a: EIO`);
        else check();
      }
    } finally {
      Deno.FsFile.prototype.syncSync = syncSync;
    }
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
      assertEquals(namesIn(folder), [UNFINISHED]);
    }
    checkWritable(path);
    assertEquals(namesIn(folder), []);
    Deno.writeTextFileSync(`${folder}/${UNFINISHED}`, "what was left");
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

Deno.test("chunksOf() gives every byte of a part once, however few the last ones are", () =>
  inFolder((folder) => {
    const bytes = new Uint8Array((1 << 22) + 3).map((_, i) => i % 251), { length } = bytes;
    Deno.writeFileSync(`${folder}/a`, bytes);
    using file = openBytes(`${folder}/a`);
    for (const [begin, end] of [[0, 1], [2, 2], [0, length - 3], [1, length - 1], []] as const) {
      const found = Array.from(chunksOf(file, begin, end), (chunk) => chunk.slice());
      assertEquals(concat(found), bytes.subarray(begin, end));
    }
  }));

Deno.test("checkFile() refuses what is missing or a folder, also below a file", () =>
  inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/a`, "");
    checkFile(`${folder}/a`);
    for (const path of [`${folder}/none`, `${folder}/a/below`]) {
      assertThrows(() => checkFile(path), UsageError, `Cannot read ${path}: there is no such file`);
    }
    assertThrows(() => checkFile(folder), UsageError, "it is a folder, not a file");
    const path = `${folder}/${"a".repeat(300)}`;
    assertThrows(() => checkFile(path), Failure, `Cannot read ${path}: `);
  }));

Deno.test("namesIn() gives names in order, none of what is no folder", () =>
  inFolder((folder) => {
    const names = Array.from({ length: 40 }, (_, i) => String.fromCharCode(120 - i));
    for (const name of names.filter((name) => /\w/.test(name))) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    assertEquals(namesInOrder(folder), namesIn(folder));
    assertEquals(namesInOrder(`${folder}/a`), []);
  }));
