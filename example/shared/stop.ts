/** How a run is stopped from outside: the first signal ends training in good order, a second one at once. */

import type { Io } from "./io.ts";

/** Asked between batches whether to go on. */
export interface StopFlag {
  /** Set once the run should end. */
  requested: boolean;
}

/** Thrown when work ends before its time because a stop was requested. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** @throws {Stopped} If a stop was requested. */
export function checkStop(stop: StopFlag | undefined): void {
  if (stop?.requested) throw new Stopped("A stop was requested");
}

/** Signals that ask for the end of a run, with the exit code that tells of each. */
const SIGNALS: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130], ["SIGBREAK", 149]]
  : [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]];

/**
 * Listens for Ctrl-C and its kind: the first one sets `requested`, a second one ends the program.
 *
 * @param exit Ends the program; for tests.
 */
export function stopOnSignal(
  io: Io,
  exit: (code: number) => void = Deno.exit,
): StopFlag & Disposable {
  const stop: StopFlag = { requested: false };
  const listeners = SIGNALS.map(([signal, code]) => {
    const listener = () => {
      if (stop.requested) return exit(code);
      stop.requested = true;
      io.err("Stopping: the test follows; a second Ctrl-C ends at once");
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return Object.assign(stop, {
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  });
}
