/** What the launcher has not read yet of what this process printed. */

import { fstatSync } from "node:fs";
import type { MpiFunctions } from "./mpi_library.ts";

/** Linux's request for the number of bytes in a pipe; of files and terminals it tells something else. */
const FIONREAD = 0x541bn;
/** Milliseconds in which a launcher that is alive has read a pipe. */
const READING_MS = 5000;

/**
 * Waits until the launcher has read the pipes of this process. It hears of a rank's end by another way, and
 * MPICH's then exits without what it has not read.
 */
export function waitForReader({ ioctl }: Pick<MpiFunctions, "ioctl">): void {
  if (Deno.build.os !== "linux") return;
  const bytes = new Int32Array(1), sleep = new Int32Array(new SharedArrayBuffer(4));
  const pipes = [1, 2].filter((output) => fstatSync(output).isFIFO());
  const isUnread = (pipe: number) => ioctl(pipe, FIONREAD, bytes) === 0 && bytes[0]! > 0;
  const end = performance.now() + READING_MS;
  while (pipes.some(isUnread) && performance.now() < end) Atomics.wait(sleep, 0, 0, 1);
}
