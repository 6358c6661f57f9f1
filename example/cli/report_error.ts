/** Errors as the user sees them. */

import { Failure, UsageError } from "../shared/errors.ts";
import type { Io } from "../shared/io.ts";

/** Prints an error as one line, or with its stack when asked to, and gives the exit code. */
export function reportError(error: unknown, debug: boolean, io: Io): number {
  const failure = causeOf(error);
  // Whoever was reading, `head` for example, has read enough.
  if (failure instanceof Deno.errors.BrokenPipe) return 1;
  const message = (failure.message || failure.name).replace(/\s*\n\s*/g, " ");
  const line = isBug(failure) ? `${message}; --debug shows where` : message;
  io.err(`error: ${debug ? stackOf(failure) : line}`);
  return failure instanceof UsageError ? 2 : 1;
}

/** The first error, if the end of `using` blocks met further ones because of it. */
function causeOf(error: unknown): Error {
  if (error instanceof SuppressedError) return causeOf(error.suppressed);
  return error instanceof Error ? error : new Error(String(error));
}

/** Errors of the library that the machine is the cause of; it is not loaded here. */
const MACHINE_ERRORS = ["NoAdapterError", "DeviceError"];

/** Whether an error comes from the program alone: not from its use, its files or the machine. */
function isBug(error: Error): boolean {
  const isExpected = error instanceof UsageError || error instanceof Failure;
  // The system's errors, such as a full disk, have a code; not all have a class of their own.
  const isSystems = Object.values(Deno.errors).some((kind) => error instanceof kind) ||
    ("code" in error && /^E[A-Z0-9]+$/.test(String(error.code)));
  return !isExpected && !isSystems && !MACHINE_ERRORS.includes(error.name);
}

function stackOf(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\nCaused by: ${stackOf(error.cause)}` : stack;
}
