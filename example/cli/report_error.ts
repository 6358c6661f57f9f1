/** Reports errors to the user. */

import { Failure, UsageError } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";

/** Prints an error as one line, or with its stack if requested, and returns the exit code. */
export function reportError(error: unknown, debug: boolean, io: Io): number {
  const failure = causeOf(error);
  // The reader, `head` for example, has closed the pipe: that is no error.
  if (failure instanceof Deno.errors.BrokenPipe) return 1;
  const message = (failure.message || failure.name).replace(/\s*\n\s*/g, " ");
  const line = isBug(failure) ? `${message}; --debug shows where` : message;
  io.err(`error: ${debug ? stackOf(failure) : line}`);
  return failure instanceof UsageError ? 2 : 1;
}

/** The original error, if disposing of `using` declarations threw more. */
function causeOf(error: unknown): Error {
  if (error instanceof SuppressedError) return causeOf(error.suppressed);
  return error instanceof Error ? error : new Error(String(error));
}

/** Names of the library's errors that the machine causes: names, so that the library need not be loaded. */
const MACHINE_ERRORS = ["NoAdapterError", "DeviceError", "OutOfMemoryError"];

/** Whether an error is a bug in the program, not caused by its use, its files or the machine. */
function isBug(error: Error): boolean {
  const isExpected = error instanceof UsageError || error instanceof Failure;
  // System errors, such as a full disk, have a code, but not always a class of their own.
  const isSystems = Object.values(Deno.errors).some((kind) => error instanceof kind) ||
    ("code" in error && /^E[A-Z0-9]+$/.test(String(error.code)));
  return !isExpected && !isSystems && !MACHINE_ERRORS.includes(error.name);
}

function stackOf(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\nCaused by: ${stackOf(error.cause)}` : stack;
}
