// The command that runs the tests: its closing line, and the environment that tests get.

import { assert, assertEquals, assertMatch } from "@std/assert";
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
    const args = [
      "run",
      "--quiet",
      "--allow-all",
      "outer.ts",
      RUN_TESTS,
      "--no-check",
      "starts_test.ts",
    ];
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

/** What run_tests.ts does with the arguments in `folder`, and the lines of its output. */
async function runTests(folder: string, args: readonly string[]) {
  const { code, out, err } = await deno(
    ["run", "--quiet", "--allow-all", RUN_TESTS, ...args],
    folder,
    { INIT_CWD: undefined },
  );
  return { code, err, lines: out.trimEnd().split("\n") };
}

Deno.test("each test file runs in a process of its own, and those that failed are shown last", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync("below");
    for (const [name, text] of Object.entries(FILES)) Deno.writeTextFileSync(name, text);
    const flags = ["--processes=2", "--no-check", "--filter", "/^[^l]/"];
    const { code, lines } = await runTests(folder, [...flags, "below", "a_test.ts"]);
    const told = lines.filter((line) => / \.\.\. (ok|FAILED)/.test(line))
      .map((line) => line.replace(/ \(.*/, ""));
    assertEquals(
      { code, told: told.slice(0, 2).sort(), after: told.slice(2), last: lines.at(-1) },
      {
        code: 1,
        told: ["a ... ok", "c ... ok"],
        after: ["good ... ok", "bad ... FAILED"],
        last: "3 passed, 1 failed",
      },
    );
    assert(lines.includes("error: Error: the reason"));
  }));

Deno.test("types are checked before any test runs", () =>
  inFolder(async (folder) => {
    const { code, err, lines } = await runTests(folder, ["good_test.ts", "wrong_test.ts"]);
    assertEquals({ code, lines }, { code: 1, lines: [""] });
    assertMatch(err, /TS2322[^]*wrong_test\.ts/);
  }, {
    "good_test.ts": 'Deno.test("good", () => {});',
    "wrong_test.ts": 'Deno.test("wrong", () => {}); export const x: number = "";',
  }));

/** A module with an example. */
const EXAMPLE = "/**\n * ```ts\n * const two: number = 2;\n * ```\n */\nexport const two = 2;\n";

Deno.test("a folder without tests has its examples run, with their types", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync("docs");
    Deno.writeTextFileSync("docs/good.ts", EXAMPLE);
    const { code, lines } = await runTests(folder, ["--no-check", "docs"]);
    assertEquals({ code, last: lines.at(-1) }, { code: 0, last: "1 passed, 0 failed" });
    Deno.writeTextFileSync("docs/good.ts", EXAMPLE.replace("2;", '"";'));
    const wrong = await runTests(folder, ["docs/good.ts"]);
    assertEquals(wrong.code, 1);
    assertMatch(wrong.err + wrong.lines.join("\n"), /TS2322/);
  }));

Deno.test("without files, all tests and the documentation's examples run; it is a failure if none does", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync("tests");
    Deno.writeTextFileSync("tests/one_test.ts", 'Deno.test("one", () => {});');
    const { code, lines } = await runTests(folder, []);
    assertEquals({ code, last: lines.at(-1) }, { code: 0, last: "2 passed, 0 failed" });
    const none = await runTests(folder, ["--no-check", "--filter", "two"]);
    assertEquals([none.code, none.lines.at(-1)], [1, "0 passed, 0 failed"]);
    Deno.writeTextFileSync("tests/one_test.ts", "export const x: number = '';");
    assertMatch((await runTests(folder, [])).err, /TS2322[^]*one_test\.ts/);
  }, { "mod.ts": EXAMPLE, "else_test.ts": "throw 1;" }));

Deno.test("a test file that does not exist is told before any test runs", () =>
  inFolder(async (folder) => {
    const { code, err, lines } = await runTests(folder, ["a_test.ts", "b_test.ts"]);
    assertEquals({ code, lines }, { code: 1, lines: [""] });
    assertEquals(err, "There is no test file b_test.ts\n");
  }, { "a_test.ts": 'Deno.test("a", () => {});' }));

Deno.test("a file whose process dies or leaves counts as failed, by name, on lines of its own", () =>
  inFolder(async (folder) => {
    for (const [name, reason] of [["dies", "SIGKILL"], ["leaves", "code 0"]]) {
      const files = [`${name}_test.ts`, "good_test.ts"];
      const { code, lines } = await runTests(folder, ["--no-check", ...files]);
      assertEquals({ code, last: lines.slice(-2) }, {
        code: 1,
        last: [`${folder}/${name}_test.ts ended with ${reason}`, "1 passed, 1 failed"],
      });
    }
  }, {
    "dies_test.ts": 'Deno.test("dies", () => Deno.kill(Deno.pid, "SIGKILL"));',
    "leaves_test.ts": 'Deno.exit(0); Deno.test("never runs", () => {});',
    "good_test.ts": 'Deno.test("good", () => {});',
  }));
