/** PyTorch, for tests that compare with it: they run where the environment's PYTHON, or `python3`, has it. */

import type { Outcome } from "./process.ts";

/** Runs Python in a folder, by bash, which tests may start. */
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

/** Whether there is PyTorch. */
export async function hasTorch(): Promise<boolean> {
  try {
    return (await python(".", "import torch, numpy")).code === 0;
  } catch {
    return false; // there is no Python, or no bash
  }
}
