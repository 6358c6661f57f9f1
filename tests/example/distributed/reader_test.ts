// A rank's last lines, before it ends the run of all.

import { assertEquals } from "@std/assert";
import { inFolder } from "../../support/folder.ts";
import { DENO, shell } from "../../support/mpirun.ts";

const READER = new URL("../../../example/distributed/reader.ts", import.meta.url).href;

/** Prints a line, lets the reader of the pipe begin when the system calls it unread, and waits for that reader. */
const PROGRAM = `
  import { waitForReader } from ${JSON.stringify(READER)};
  const parameters = ["i32", "u64", "buffer"], ioctl = { parameters, result: "i32" };
  const system = Deno.dlopen("libc.so.6", { ioctl }).symbols, found = [];
  const begin = () => Deno.writeTextFileSync("begin", "\\n");
  console.error("a line");
  waitForReader({
    ioctl(pipe, request, bytes) {
      const code = system.ioctl(pipe, request, bytes);
      if (found.push([pipe, bytes[0]]) === 1) begin();
      return code;
    },
  });
  if (found.length === 0) begin();
  Deno.writeTextFileSync("found", JSON.stringify([found[0], found.at(-1)]));
`;

Deno.test({
  name: "waitForReader() returns when the other end of a pipe has read it, not before",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      Deno.writeTextFileSync(`${folder}/program.js`, PROGRAM);
      const { code, out, err } = await shell(
        `set -o pipefail; mkfifo begin; echo before > file; ${DENO} program.js 2>&1 >> file | ` +
          "(read < begin; cat)",
        folder,
      );
      assertEquals([code, out, err], [0, "a line\n", ""]);
      assertEquals(JSON.parse(Deno.readTextFileSync(`${folder}/found`)), [[2, 7], [2, 0]]);
    }),
});
