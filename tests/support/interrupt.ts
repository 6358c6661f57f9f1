/** Runs the program in a separate process, and sends it signals. */

import type { Given } from "../../example/options/option.ts";
import { wordsOf } from "./options.ts";
import { TINY } from "./tiny_run.ts";

const MAIN = new URL("../../main.ts", import.meta.url).href;
/** Message of a run that is asked to stop. */
export const STOPPING =
  "stopping    the test follows; Ctrl-C once more, after this line, ends at once";

/** Exit status and output of an interrupted process. */
export interface Interrupted extends Deno.CommandStatus {
  readonly lines: string[];
  readonly errors: string[];
}

/** The whole lines of a stream, each also given to `onLine`. */
export async function linesOf(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<string[]> {
  const lines: string[] = [];
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    for (const line of parts) {
      lines.push(line);
      onLine(line);
    }
  }
  return lines;
}

/**
 * Starts Deno, sends `first` once a line of its output begins with `mark`, and `second`, if given, once it
 * has printed that it stops.
 */
export async function interrupt(
  args: readonly string[],
  mark: string,
  first: Deno.Signal,
  second?: Deno.Signal,
): Promise<Interrupted> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const send = (wanted: string, signals: (Deno.Signal | undefined)[]) => (line: string) => {
    if (!line.startsWith(wanted)) return;
    const signal = signals.shift();
    if (signal !== undefined) child.kill(signal);
  };
  const [lines, errors, status] = await Promise.all([
    linesOf(child.stdout, send(mark, [first])),
    // A second stop would never end.
    linesOf(child.stderr, send("stopping ", [second, "SIGKILL"])),
    child.status,
  ]);
  return { ...status, lines, errors };
}

/** The command-line arguments of a training run. */
export function training(given: Given): string[] {
  const options = wordsOf({ ...TINY, ...given });
  return ["run", "-A", "--no-check", MAIN, "--train", "--nce", ...options];
}
