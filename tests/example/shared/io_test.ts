// The console as the program uses it.

import { stripVTControlCharacters } from "node:util";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Failure } from "../../../example/shared/errors.ts";
import { atRank, atVolume, consoleIo, warningsOnce } from "../../../example/shared/io.ts";
import { deno } from "../../support/process.ts";
import { captureIo } from "../../support/capture_io.ts";

Deno.test("consoleIo() goes on when nobody reads its lines any longer", () => {
  const { log, error } = console, lines: string[] = [];
  const closed = (line: string) => {
    lines.push(line);
    throw new Deno.errors.BrokenPipe("Input/output error (os error 5)");
  };
  console.log = console.error = closed;
  try {
    const io = consoleIo();
    io.out("a result");
    io.err("an error");
    io.err("an error");
  } finally {
    Object.assign(console, { log, error });
  }
  assertEquals(lines, ["a result", "an error", "an error"]);
});

Deno.test("a terminal without a size, as Open MPI's for a log, has neither live lines nor colours", () => {
  const { consoleSize } = Deno, { isTerminal, writeSync } = Deno.stdout, { log } = console;
  const standardError = { isTerminal: Deno.stderr.isTerminal, writeSync: Deno.stderr.writeSync };
  const seen: string[] = [];
  const see = (columns: number) => {
    Deno.consoleSize = () => ({ columns, rows: columns });
    const io = consoleIo();
    io.out("first");
    io.live("a bar");
    io.out("a fine, fine line", { word: "fine", color: "green" });
    io.error.live("another");
    io.write("results");
    return { is: io.isTerminal, columns: io.columns, seen: seen.splice(0) };
  };
  for (const stream of [Deno.stdout, Deno.stderr]) {
    stream.isTerminal = () => true;
    stream.writeSync = (bytes) => seen.push(new TextDecoder().decode(bytes)) && bytes.length;
  }
  console.log = (...words) => seen.push(words.join("|"));
  try {
    assertEquals(see(0), {
      is: false,
      columns: 80,
      seen: ["first", "a fine, fine line", "results"],
    });
    assertEquals(see(90), {
      is: true,
      columns: 90,
      seen: [
        "first",
        "\r\x1b[Ka bar",
        "\r\x1b[K",
        "%s%c%s%c%s|a |color: green; font-weight: bold|fine||, fine line",
        "\r\x1b[Kanother",
        "\r\x1b[K",
        "results",
      ],
    });
    Deno.stdout.isTerminal = () => false; // standard error may be one
    assertEquals(see(90).columns, 80);
  } finally {
    Object.assign(Deno, { consoleSize });
    Object.assign(Deno.stdout, { isTerminal, writeSync });
    Object.assign(Deno.stderr, standardError);
    console.log = log;
  }
});

Deno.test("results that cannot be written are a failure that says so; a closed pipe stays one", () => {
  const { writeSync } = Deno.stdout, io = consoleIo();
  const failing = (error: Error) => () => {
    Deno.stdout.writeSync = () => {
      throw error;
    };
    io.write("results");
  };
  try {
    const full = new Error("No space left on device (os error 28)");
    assertThrows(failing(full), Failure, `Cannot write standard output: ${full.message}`);
    assertThrows(failing(new Deno.errors.BrokenPipe("closed")), Deno.errors.BrokenPipe);
    const written: (number | undefined)[] = [];
    Deno.stdout.writeSync = (bytes) => written.push(bytes[0]) && 1; // as a pipe that is full
    io.write("abc");
    assertEquals(written, [97, 98, 99]);
  } finally {
    Deno.stdout.writeSync = writeSync;
  }
});

/** What a process prints with these variables, to pipes. */
async function printed(code: string, variables: Record<string, string | undefined>) {
  const io = new URL("../../../example/shared/io.ts", import.meta.url).href;
  const body = `import { consoleIo } from ${JSON.stringify(io)}; const io = consoleIo(); ${code}`;
  const { out, err } = await deno(["eval", body], Deno.cwd(), variables);
  return { out, err };
}

Deno.test("consoleIo() prints in colour only if a pipe is to have it", async () => {
  const code = `
    io.err("warning: 100 % %s");
    io.out("a fine line: 5 %d", { word: "fine", color: "green" });`;
  const plain = { out: "a fine line: 5 %d\n", err: "warning: 100 % %s\n" };
  assertEquals(await printed(code, { NO_COLOR: "1" }), plain);
  assertEquals(await printed(code, { NO_COLOR: undefined, FORCE_COLOR: undefined }), plain);
  const { out, err } = await printed(code, { NO_COLOR: undefined, FORCE_COLOR: "1" });
  assertStringIncludes(out, "mfine\x1b[");
  assertStringIncludes(err, "mwarning\x1b[");
  assertEquals(stripVTControlCharacters(out + err), plain.out + plain.err);
});

Deno.test("warningsOnce() leaves out a warning that was printed before, and nothing else", () => {
  const io = captureIo(120), once = warningsOnce(io);
  for (
    const line of ["warning: a", "warning: b", "error: c", "warning: a", "error: c", "warning: b"]
  ) {
    once.err(line);
  }
  once.out("d");
  assertEquals(io.errLines, ["warning: a", "warning: b", "error: c", "error: c"]);
  assertEquals([io.outLines, once.columns, once.isTerminal], [["d"], 120, true]);
});

Deno.test("atVolume() leaves results and errors when quiet, and gives details when verbose", () => {
  const kinds = ["out", "result", "detail", "live", "err", "write"] as const;
  const heard = (volume: { quiet: boolean; verbose: boolean }) => {
    const io = captureIo(120), some = atVolume(io, volume);
    for (const kind of kinds) some[kind](kind);
    Object.assign(io, { columns: 100 }); // the user makes the window smaller
    assertEquals(some.columns, 100);
    return {
      isTerminal: some.isTerminal,
      lines: [...io.outLines, ...io.errLines, ...io.liveLines],
    };
  };
  assertEquals(heard({ quiet: false, verbose: false }), {
    isTerminal: true,
    lines: ["out", "result", "write", "err", "live"],
  });
  assertEquals(heard({ quiet: true, verbose: false }), {
    isTerminal: false,
    lines: ["result", "write", "err"],
  });
  assertEquals(heard({ quiet: false, verbose: true }), {
    isTerminal: true,
    lines: ["out", "result", "detail", "write", "err", "live"],
  });
});

Deno.test("atRank() lets the first rank alone print", () => {
  const io = captureIo(120), other = atRank(io, 1);
  assertEquals(atRank(io, 0), io);
  for (const kind of ["out", "result", "detail", "live", "err", "write"] as const) {
    other[kind](kind);
  }
  for (const kind of ["out", "live"] as const) other.error[kind](kind);
  const { outLines, errLines, liveLines, errorLiveLines } = io;
  assertEquals([...outLines, ...errLines, ...liveLines, ...errorLiveLines], []);
  assertEquals([other.isTerminal, other.error.isTerminal], [false, false]);
});
