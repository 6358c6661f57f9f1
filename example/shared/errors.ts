/** The two errors that end the program with one plain line instead of a stack trace. */

/** Wrong use of the command line: the program ends with exit code 2 and has written nothing. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What an error says, whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Something outside the program's code went wrong, such as a missing file: exit code 1. */
export class Failure extends Error {
  override readonly name = "Failure";
}
