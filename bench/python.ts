/** Runs the PyTorch twins, which print one JSON line. The environment variable PYTHON names the interpreter. */

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
  const python = Deno.env.get("PYTHON") ?? "python3";
  const path = fromFileUrl(new URL(script, import.meta.url));
  const command = new Deno.Command(python, {
    args: [path, ...args],
    env: KEEP_MEMORY,
    stdin: "null",
  });
  let output: Deno.CommandOutput;
  try {
    output = await command.output();
  } catch (cause) {
    throw new Failure(`Cannot run ${python}: set PYTHON to a Python that has PyTorch`, { cause });
  }
  const { success, stdout, stderr } = output;
  const decoder = new TextDecoder();
  if (!success) {
    const why = decoder.decode(stderr).trim().split("\n").at(-1);
    throw new Failure(`${why} (PYTHON names another interpreter)`);
  }
  return JSON.parse(decoder.decode(stdout));
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
