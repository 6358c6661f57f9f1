/**
 * Runs the tests and the documentation's examples, and ends with the plain line `N passed, N failed`.
 * Arguments go to `deno test`, without a leading `--`; if none of them is a file, all tests run. File
 * names are relative to the user's current folder.
 */

import { stripVTControlCharacters } from "node:util";
import { resolve } from "@std/path";
import { describeAdapter, requestAdapter } from "../kernels/device/adapter.ts";
import { prepareDriver } from "../example/shared/driver.ts";

const EVERYTHING = ["tests", "kernels", "nce", "mod.ts", "README.md"];
/** Gives every table small parts, as many bytes as the environment says. */
const SMALL_PARTS = "tests/support/small_parts.ts";
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed .*?\| (\d+) failed/;

/** Numbers in Deno's closing line of a test run, or undefined for any other line. */
export function readSummary(line: string): { passed: number; failed: number } | undefined {
  const match = SUMMARY.exec(stripVTControlCharacters(line));
  return match === null ? undefined : { passed: Number(match[1]), failed: Number(match[2]) };
}

/**
 * Selects Vulkan alone if the best adapter uses it. Otherwise Deno also opens OpenGL on each thread that
 * runs test files. These threads end while the process exits, and libglvnd's libEGL may then free a
 * thread's data twice, for the thread and for the process: it aborts after all tests have passed.
 */
async function backends(): Promise<Record<string, string>> {
  const adapter = await requestAdapter();
  const vulkan = adapter !== null && describeAdapter(adapter).backend === "vulkan";
  return vulkan ? { DENO_WEBGPU_BACKEND: "vulkan" } : {};
}

/**
 * Variables that set the system's library path. While one of them is set, Deno requires the permission to
 * run any program, since a library could turn one program into another.
 */
const LIBRARY_VARIABLE = /^(?:LD|DYLD)_/i;

/** The environment of the tests, which may only start Deno. */
function environment(): Record<string, string> {
  const variables = Object.entries(Deno.env.toObject());
  const removed = variables.map(([name]) => name).filter((name) => LIBRARY_VARIABLE.test(name));
  if (removed.length > 0) console.error(`The tests run without ${removed.join(", ")}`);
  return Object.fromEntries(variables.filter(([name]) => !removed.includes(name)));
}

/** The command that runs the tests. */
async function testCommand(given: readonly string[]): Promise<Deno.Command> {
  const words = (given[0] === "--" ? given.slice(1) : given).map(located);
  const files = words.some(exists) ? [] : EVERYTHING.filter(exists);
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-net=127.0.0.1"];
  return new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--doc",
      ...permissions,
      `--allow-run=${Deno.execPath()},bash`,
      ...Deno.env.has("NCE_MAX_BINDING_BYTES") ? ["--preload", SMALL_PARTS] : [],
      ...words,
      ...files,
    ],
    clearEnv: true,
    env: {
      ...environment(),
      // Deno's output is a pipe here, to which it writes without colour.
      ...Deno.stdout.isTerminal() && !Deno.noColor ? { FORCE_COLOR: "1" } : {},
      ...await backends(),
    },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  });
}

/** An argument, or the path of the file that it names in the folder where the task was started. */
function located(word: string): string {
  const path = resolve(Deno.env.get("INIT_CWD") ?? "", word);
  return exists(path) ? path : word;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Runs the tests, passes their output on as it arrives, and returns the exit code. */
async function runTests(words: readonly string[]): Promise<number> {
  prepareDriver();
  const tests = (await testCommand(words)).spawn();
  const [shown, read] = tests.stdout.tee();
  const passedOn = shown.pipeTo(Deno.stdout.writable, { preventClose: true });
  let counts = { passed: 0, failed: 0 };
  let rest = "";
  for await (const text of read.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) counts = readSummary(line) ?? counts;
  }
  await passedOn;
  const { code, signal } = await tests.status;
  if (signal !== null) console.error(`deno test died of ${signal}`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return code === 0 && counts.passed === 0 ? 1 : code;
}

if (import.meta.main) Deno.exit(await runTests(Deno.args));
