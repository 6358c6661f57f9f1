// The command that runs the tests: its closing line, and the environment that tests get.

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { readSummary } from "../../tools/run_tests.ts";
import { inFolder } from "../support/folder.ts";
import { deno } from "../support/process.ts";

Deno.test("readSummary() reads the counts when the line is Deno's closing line", () => {
  assertEquals(readSummary("ok | 12 passed | 0 failed (3s)"), { passed: 12, failed: 0 });
  assertEquals(
    readSummary("\x1b[31mFAILED\x1b[0m | 1 passed (2 steps) | 3 failed (1 step) | 1 ignored (1ms)"),
    { passed: 1, failed: 3 },
  );
  assertEquals(readSummary("a ... ok (1ms)"), undefined);
  assertEquals(readSummary("it said ok | 12 passed | 0 failed"), undefined);
});

const RUN_TESTS = fromFileUrl(import.meta.resolve("../../tools/run_tests.ts"));

/** A test that starts a process, and prints which of these variables the process has. */
const STARTS = `Deno.test("starts a process", async () => {
  const code = 'const { LD_LIBRARY_PATH, dyld_x, LDX } = Deno.env.toObject();' +
    'console.log("got", JSON.stringify({ LD_LIBRARY_PATH, dyld_x, LDX }))';
  const command = new Deno.Command(Deno.execPath(), { args: ["eval", code] });
  console.log(new TextDecoder().decode((await command.output()).stdout));
});`;

/** A program that runs the tests with variables that tests may not hand on. */
const OUTER = `const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "--quiet", "--allow-all", ...Deno.args],
  env: { LD_LIBRARY_PATH: "/nonexistent", dyld_x: "1", LDX: "2" },
}).spawn().status;
Deno.exit(code);`;

Deno.test("tests can start processes where the environment says where libraries are", () =>
  inFolder(async (folder) => {
    const args = ["run", "--quiet", "--allow-all", "outer.ts", RUN_TESTS, "starts_test.ts"];
    const { code, out, err } = await deno(args, folder, { INIT_CWD: undefined });
    assertEquals(out.match(/^got .*$/gm), ['got {"LDX":"2"}']);
    assertMatch(err, /^The tests run without .*LD_LIBRARY_PATH/m);
    assertEquals({ code, last: out.trimEnd().split("\n").at(-1) }, {
      code: 0,
      last: "1 passed, 0 failed",
    });
  }, { "outer.ts": OUTER, "starts_test.ts": STARTS }));
