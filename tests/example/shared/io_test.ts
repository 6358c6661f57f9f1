// The console as the program uses it.

import { assertEquals } from "@std/assert";
import { atVolume, consoleIo } from "../../../example/shared/io.ts";
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
    io.err("a warning");
  } finally {
    Object.assign(console, { log, error });
  }
  assertEquals(lines, ["a result", "a warning"]);
});

Deno.test("atVolume() leaves results and errors when quiet, and gives details when verbose", () => {
  const kinds = ["out", "result", "detail", "live", "err", "write"] as const;
  const heard = (volume: { quiet: boolean; verbose: boolean }) => {
    const io = captureIo(120), some = atVolume(io, volume);
    for (const kind of kinds) some[kind](kind);
    assertEquals(some.columns, 120);
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
