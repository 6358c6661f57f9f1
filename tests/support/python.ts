/** PyTorch for comparison: these tests run if the environment variable PYTHON, or `python3`, has it. */

import type { Outcome } from "./process.ts";

/** Runs Python in a folder through bash, which tests are allowed to start. */
export async function python(
  cwd: string,
  script: string,
  args: readonly string[] = [],
  input = "",
): Promise<Outcome> {
  const process = new Deno.Command("bash", {
    args: ["-c", 'exec "${PYTHON:-python3}" "$@"', "python", "-c", script, ...args],
    cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

/** Whether PyTorch is installed. */
export async function hasTorch(): Promise<boolean> {
  try {
    return (await python(".", "import torch, numpy")).code === 0;
  } catch {
    return false; // no Python, or no bash
  }
}
