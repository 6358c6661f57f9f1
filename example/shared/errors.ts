/** The two errors that end the program with one line instead of a stack trace. */

/** Wrong use of the command line: the program ends with exit code 2 and has written nothing. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The message of any thrown value. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A problem outside the program's code, such as a missing file: exit code 1. */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** Throws a {@linkcode Failure} that says why. */
export type Fail = (why: string) => never;

/** What `action` gives; undefined if it throws a {@linkcode Failure}. */
export function unlessFailed<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
