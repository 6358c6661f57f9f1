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

/** Files of tests; the one that stays in another folder would disturb others in its process. */
const FILES = {
  "a_test.ts": 'Deno.test("a", () => { Deno.chdir("/"); console.log("quiet"); });',
  "below/b_test.ts":
    'Deno.test("good", () => {}); Deno.test("bad", () => { throw new Error("the reason"); });',
  "below/c_test.ts": 'Deno.test("c", () => { if (Deno.cwd() === "/") throw new Error("moved"); });',
  "below/left_test.ts": 'Deno.test("left out", () => {});',
  "below/other.ts": "throw 1;",
};

Deno.test("--processes runs each file in a process of its own, and shows what failed", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync("below");
    for (const [name, text] of Object.entries(FILES)) Deno.writeTextFileSync(name, text);
    const flags = ["--processes=2", "--no-check", "--filter", "/^[^l]/"];
    const args = ["run", "--quiet", "--allow-all", RUN_TESTS, ...flags, "a_test.ts", "below"];
    const { code, out } = await deno(args, folder, { INIT_CWD: undefined });
    const lines = out.trimEnd().split("\n").map((line) => line.replace(/ \(\d+ s\)$/, ""));
    const told = lines.filter((line) => / passed, /.test(line)).sort();
    assertEquals({ code, told, last: lines.at(-1) }, {
      code: 1,
      told: [
        `${folder}/a_test.ts: 1 passed, 0 failed`,
        `${folder}/below/b_test.ts: 1 passed, 1 failed`,
        `${folder}/below/c_test.ts: 1 passed, 0 failed`,
        `${folder}/below/left_test.ts: 0 passed, 0 failed`,
        "3 passed, 1 failed",
      ],
      last: "3 passed, 1 failed",
    });
    assertMatch(out, /the reason[^]*^FAILED\n.*\/below\/b_test\.ts$/m);
    assertEquals(out.includes("... ok"), true, "a failed file's output is whole");
    assertEquals(out.includes("quiet"), false, "a good file's output is left out");
  }));
