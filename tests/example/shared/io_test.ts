// The console as the program uses it.

import { assertEquals } from "@std/assert";
import { consoleIo } from "../../../example/shared/io.ts";

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
