// Texts that commands read: plain, compressed, cut off, and not UTF-8.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { decompress } from "fzstd";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { openInput } from "../../../example/data/input.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { inFolder } from "../../support/folder.ts";

const ENCODER = new TextEncoder();
/** Longer than the chunks that are read, unpacked or not. */
const LINES = Array.from({ length: 30_000 }, (_, i) => `line ${i} é ${(i * 7919) % 10_007}`);
const BYTES = ENCODER.encode(LINES.join("\n") + "\n");
const PACKERS = { gz: gzipSync, zst: zstdCompressSync };

async function linesOf(path: string): Promise<string[]> {
  const chunks = await Array.fromAsync(openInput(path).lines());
  return chunks.flat();
}

Deno.test("openInput() reads a file by its name, packed or not, and tells of its bytes", () =>
  inFolder(async () => {
    for (const name of ["a.txt", "a.gz", "a.zst"]) {
      const pack = name === "a.txt"
        ? (x: Uint8Array) => x
        : PACKERS[name === "a.gz" ? "gz" : "zst"];
      const bytes = pack(BYTES);
      Deno.writeFileSync(name, bytes);
      let read = 0;
      const input = openInput(name);
      const lines = (await Array.fromAsync(input.lines((count) => read += count))).flat();
      assertEquals(lines, LINES);
      assertEquals([input.bytes, read], [bytes.length, bytes.length]);
    }
  }));

Deno.test("openInput() gives lines some at a time, in memory that the text's length does not change", () =>
  inFolder(async () => {
    Deno.writeFileSync("a.txt", BYTES);
    const chunks = await Array.fromAsync(openInput("a.txt").lines());
    const most = Math.max(...chunks.map((lines) => lines.join("\n").length));
    assertEquals([chunks.length > 3, most <= 2 ** 17], [true, true]);
  }));

Deno.test("openInput() reads several packed files that were joined", () =>
  inFolder(async () => {
    for (const [ending, pack] of Object.entries(PACKERS)) {
      const bytes = pack(BYTES), name = `a.${ending}`;
      Deno.writeFileSync(name, new Uint8Array([...bytes, ...bytes]));
      assertEquals(await linesOf(name), [...LINES, ...LINES]);
    }
  }));

Deno.test("openInput() refuses a packed file that was cut off anywhere, or is not packed", () =>
  inFolder(async () => {
    for (const [ending, pack] of Object.entries(PACKERS)) {
      const bytes = pack(ENCODER.encode("a few words\nand some more\n".repeat(5)));
      for (let size = 1; size < bytes.length; size++) {
        Deno.writeFileSync(`a.${ending}`, bytes.subarray(0, size));
        const error = await assertRejects(() => linesOf(`a.${ending}`), Failure);
        assertEquals(error.message.startsWith(`Cannot unpack a.${ending}: `), true, error.message);
      }
      Deno.writeTextFileSync(`a.${ending}`, "plain words\n".repeat(9));
      await assertRejects(() => linesOf(`a.${ending}`), Failure, `Cannot unpack a.${ending}: `);
    }
    assertThrows(() => decompress(ENCODER.encode("plain words\n")), Error, "invalid zstd data");
  }));

Deno.test("openInput() names the line that is not UTF-8, and a file that is not there", () =>
  inFolder(async () => {
    Deno.writeFileSync("a.gz", gzipSync(new Uint8Array([97, 10, 98, 10, 0xe9, 10])));
    const message = "Cannot read a.gz: line 3 is not UTF-8; convert the file to UTF-8";
    await assertRejects(() => linesOf("a.gz"), Failure, message);
    Deno.writeFileSync("b", Uint8Array.of(97, 10, 0xff, 0xfe, 97, 10)); // begins like UTF-16
    await assertRejects(() => linesOf("b"), Failure, "b: line 2 is not UTF-8");
    assertThrows(() => openInput("none"), UsageError, "Cannot read none: there is no such file");
    assertThrows(() => openInput("."), UsageError, "it is a folder, not a file");
  }));

Deno.test("openInput() ends lines as Python does, and begins none after the last ending", () =>
  inFolder(async () => {
    const cases: [string, string[]][] = [
      ["x\n\ny\u2028z\u0085w\x1cv\n", ["x", "", "y\u2028z\u0085w\x1cv"]],
      ["x\ry\r", ["x", "y"]],
      ["x\r\n\r\ny", ["x", "", "y"]],
      ["x\r\r\n\n\ry", ["x", "", "", "", "y"]],
      ["\n", [""]],
      ["\r", [""]],
      ["\r\n", [""]],
      ["", []],
      ["x", ["x"]],
    ];
    for (const [content, lines] of cases) {
      Deno.writeTextFileSync("a", content);
      assertEquals(await linesOf("a"), lines);
    }
  }));

Deno.test("openInput() takes an ending of two characters for one across its buffer's end", () =>
  inFolder(async () => {
    const long = "x".repeat((1 << 20) - 1);
    Deno.writeTextFileSync("a", `${long}\r\ny`);
    Deno.writeTextFileSync("b", `${long}y\r\nz`);
    assertEquals(await linesOf("a"), [long, "y"]);
    assertEquals(await linesOf("b"), [`${long}y`, "z"]);
  }));

Deno.test("openInput() drops the mark at the start of a file alone, wherever its buffer begins", () =>
  inFolder(async () => {
    const long = "x".repeat((1 << 20) - 4);
    Deno.writeTextFileSync("a", `\ufeff${long}\n\ufeffy\n\ufeffz`);
    assertEquals(await linesOf("a"), [long, "\ufeffy", "\ufeffz"]);
  }));

Deno.test("openInput() does not know the size of what is no file", () => {
  assertEquals(openInput("/dev/null").bytes, undefined);
});

Deno.test("openInput() reads standard input for - and for nothing", () => {
  for (const path of ["-", undefined]) {
    assertEquals(openInput(path).name, "standard input");
    assertEquals(openInput(path).bytes, undefined);
  }
});
