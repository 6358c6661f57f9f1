/** Runs the PyTorch twins, which print a JSON line. The environment variable PYTHON names the interpreter. */

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { fromFileUrl } from "@std/path";
import { Failure } from "../example/shared/errors.ts";
import type { Gpu } from "../mod.ts";

/** Seconds to try each number of threads. */
const TRIAL_SECONDS = 2;

/**
 * Makes glibc keep the memory of large tensors. By default it returns it to the system after each step, and
 * allocating it again takes half of PyTorch's time on a CPU.
 */
const KEEP_MEMORY = {
  MALLOC_MMAP_THRESHOLD_: "4000000000",
  MALLOC_TRIM_THRESHOLD_: "8000000000",
  MALLOC_TOP_PAD_: "100000000",
};

/** The output of every twin. */
export interface PeerReport {
  readonly tokensPerSecond: number;
  readonly torch: string;
  readonly device: string;
  readonly threads: number;
}

/**
 * Runs a script of this folder and reads what it prints.
 *
 * @throws {Failure} If there is no such Python, or it fails.
 */
export async function runPython<Report>(script: string, args: readonly string[]): Promise<Report> {
  await using twin = new Twin(script, args);
  return await twin.report() as Report;
}

/** A script of this folder while it runs. With `--turns` it reports when it is ready, and waits to be asked. */
export class Twin implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;
  readonly #errors: Promise<string>;

  /** Starts it; throws a Failure if there is no such Python. */
  constructor(script: string, args: readonly string[]) {
    const python = Deno.env.get("PYTHON") ?? "python3";
    const path = fromFileUrl(new URL(script, import.meta.url));
    try {
      this.#child = new Deno.Command(python, {
        args: [path, ...args],
        env: KEEP_MEMORY,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    } catch (cause) {
      throw new Failure(`Cannot run ${python}: set PYTHON to a Python that has PyTorch`, { cause });
    }
    this.#input = this.#child.stdin.getWriter();
    const input = Readable.fromWeb(this.#child.stdout);
    this.#lines = createInterface({ input })[Symbol.asyncIterator]();
    this.#errors = new Response(this.#child.stderr).text();
  }

  /** Asks for a measurement, and waits for it. */
  async measure(): Promise<PeerReport> {
    await this.#input.write(new TextEncoder().encode("\n")).catch(() => {}); // no answer tells why
    return await this.report() as PeerReport;
  }

  /** What it prints next. Throws a Failure if it has failed. */
  async report(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value);
    const why = (await this.#errors).trim().split("\n").at(-1) || "Python printed nothing";
    throw new Failure(`${why} (PYTHON names another interpreter)`);
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {}); // it may have ended
    await this.#child.status;
  }
}

/** Device arguments: the GPU if we run on one, otherwise the fastest number of threads. */
export async function deviceArguments(
  gpu: Gpu,
  run: (args: readonly string[], seconds: number) => Promise<PeerReport>,
): Promise<string[]> {
  if (!gpu.software) return ["--cuda"];
  let best: string[] = [], highest = 0;
  for (let threads = 1; threads <= navigator.hardwareConcurrency; threads *= 2) {
    const choice = ["--threads", String(threads)];
    const { tokensPerSecond } = await run(choice, TRIAL_SECONDS);
    if (tokensPerSecond > highest) best = choice, highest = tokensPerSecond;
  }
  return best;
}
