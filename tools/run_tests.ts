/**
 * Runs the tests and the documentation's examples, and ends with the plain line `N passed, N failed`.
 * Arguments go to `deno test`, without a leading `--`; if none of them is a file, all tests run. File
 * names are relative to the user's current folder. Each test file has a process of its own, `--processes=N`
 * at a time: tests change the current folder, so threads cannot run them side by side.
 */

import { stripVTControlCharacters } from "node:util";
import { join, resolve } from "@std/path";
import { describeAdapter, requestAdapter } from "../kernels/device/adapter.ts";
import { prepareDriver } from "../example/shared/driver.ts";
import { isFile, isFolder } from "../example/shared/files.ts";
import { filesAt } from "./files.ts";

/** Sources and text that have examples. */
const DOCUMENTED = ["kernels", "nce", "mod.ts", "README.md"];
/** The option of this program; others are for Deno. */
const PROCESSES = /^--processes=([1-9]\d*)$/;
/** Processes at a time without the option: each takes memory, of the GPU too. */
const PROCESS_COUNT = Math.min(navigator.hardwareConcurrency, 4);
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed .*?\| (\d+) failed/;
/** In Deno's note of a file that left, whose other tests did not run: Deno calls this a success. */
const LEFT = "called `Deno.exit(0)` from outside any test";

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

/** What tests may do. */
const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-net=127.0.0.1",
  `--allow-run=${Deno.execPath()},bash`,
];

/** Gives every table small parts, of as many bytes as the environment says. */
const SMALL_PARTS = Deno.env.has("NCE_MAX_BINDING_BYTES")
  ? ["--preload", "tests/support/small_parts.ts"]
  : [];

const ENCODER = new TextEncoder();

/** The flag of Deno that leaves out the check of types. */
const NO_CHECK = "--no-check";

/** How a run of `deno test` ended. */
interface Outcome {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
}

/** Runs `deno test` on `words`; `show` gets what it prints, its errors too if `errors` is "piped". */
async function runDeno(
  words: readonly string[],
  env: Record<string, string>,
  errors: "inherit" | "piped",
  show: (text: Uint8Array) => void,
): Promise<Outcome> {
  const tests = new Deno.Command(Deno.execPath(), {
    args: ["test", "--doc", ...PERMISSIONS, ...SMALL_PARTS, ...words],
    clearEnv: true,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: errors,
  }).spawn();
  const showErrors = async () => {
    for await (const text of tests.stderr) show(text);
  };
  const shown = errors === "piped" ? showErrors() : undefined;
  const decoder = new TextDecoder();
  let counts = { passed: 0, failed: 0 }, hasLeft = false, rest = "";
  for await (const text of tests.stdout) {
    show(text);
    const lines = (rest + decoder.decode(text, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) counts = readSummary(line) ?? counts;
    hasLeft ||= lines.some((line) => line.includes(LEFT));
  }
  await shown;
  const { code, signal } = await tests.status;
  if (counts.failed > 0 || (code === 0 && !hasLeft)) return { ...counts, code };
  // It ended before its closing line, or before its last test.
  show(ENCODER.encode(`\n${words.at(-1)} ended with ${signal ?? `code ${code}`}\n`));
  return { ...counts, failed: 1, code: code || 1 };
}

/** An argument, or the path of the file that it names in the folder where the task was started. */
function located(word: string): string {
  const path = resolve(Deno.env.get("INIT_CWD") ?? "", word);
  return exists(path) ? path : word;
}

function exists(path: string): boolean {
  return isFile(path) || isFolder(path);
}

const isTest = (path: string) => path.endsWith("_test.ts");

/** What a path stands for: the test files in a folder; itself if it is a file, or a folder of examples alone. */
function testFiles(path: string): string[] {
  const inside = filesAt(path).filter(isTest).map((name) => join(path, name));
  return inside.length > 0 ? inside : [path];
}

/** The exit code of the check of types, of `paths` or of everything, which tests then do without. */
async function checkTypes(
  paths: readonly string[],
  env: Record<string, string>,
): Promise<number> {
  const check = new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", ...(paths.length > 0 ? paths : ["."])],
    clearEnv: true,
    env,
  });
  return (await check.spawn().status).code;
}

/** Runs each job, which is what `deno test` gets, in a process of its own, `count` at a time. */
async function runInProcesses(
  jobs: readonly (readonly string[])[],
  count: number,
  env: Record<string, string>,
): Promise<Outcome> {
  const left = [...jobs], isAlone = jobs.length === 1;
  const total = { code: 0, passed: 0, failed: 0 }, failures: Uint8Array[][] = [];
  const work = async () => {
    for (let job = left.shift(); job; job = left.shift()) {
      const texts: Uint8Array[] = [];
      const show = isAlone ? write : (text: Uint8Array) => texts.push(text);
      const { code, passed, failed } = await runDeno(job, env, isAlone ? "inherit" : "piped", show);
      total.passed += passed;
      total.failed += failed;
      if (code === 0) texts.forEach(write);
      else {
        total.code = 1;
        failures.push(texts);
      }
    }
  };
  await Promise.all(Array.from({ length: count }, work));
  failures.flat().forEach(write); // last, where they are seen
  return total;
}

function write(text: Uint8Array): void {
  for (let at = 0; at < text.length;) at += Deno.stdout.writeSync(text.subarray(at));
}

function inWords({ passed, failed }: Outcome): string {
  return `${passed} passed, ${failed} failed`;
}

/** Runs the tests, passes their output on, and returns the exit code. */
async function runTests(given: readonly string[]): Promise<number> {
  const words = (given[0] === "--" ? given.slice(1) : given).map(located);
  const option = words.find((word) => PROCESSES.test(word));
  const count = Number(option?.replace(PROCESSES, "$1") ?? PROCESS_COUNT);
  const paths = words.filter(exists);
  const flags = words.filter((word) => word !== option && !paths.includes(word));
  const missing = flags.find((word) => isTest(word) && !word.startsWith("-"));
  if (missing !== undefined) {
    console.error(`There is no test file ${missing}`);
    return 1;
  }
  prepareDriver();
  // Deno's output is a pipe here, to which it writes without colour.
  const colour = Deno.stdout.isTerminal() && !Deno.noColor ? { FORCE_COLOR: "1" } : {};
  const env = { ...environment(), ...await backends(), ...colour };
  if (!flags.includes(NO_CHECK)) {
    const code = await checkTypes(paths, env);
    if (code !== 0) return code;
  }
  // The check above leaves examples out.
  const unchecked = [...flags.filter((flag) => flag !== NO_CHECK), NO_CHECK];
  const jobs = (paths.length > 0 ? paths : ["tests"]).flatMap(testFiles)
    .map((path) => [...isTest(path) ? unchecked : flags, path]);
  if (paths.length === 0) jobs.unshift([...flags, ...DOCUMENTED.filter(exists)]);
  const outcome = await runInProcesses(jobs, count, env);
  console.log(inWords(outcome));
  return outcome.code === 0 && outcome.passed === 0 ? 1 : outcome.code;
}

if (import.meta.main) Deno.exit(await runTests(Deno.args));
