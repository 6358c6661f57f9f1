/** How a run is stopped from outside: the first signal ends training in good order, a second one at once. */

import type { Io } from "./io.ts";

/** Asked between batches whether to go on. */
export interface StopFlag {
  /** Set once the run should end. */
  requested: boolean;
  /** Set if it should end at once, so that another process can go on: there is no time for a test. */
  requeued?: boolean;
}

/** Thrown when work ends before its time because a stop was requested. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** @throws {Stopped} If a stop was requested. */
export function checkStop(stop: StopFlag | undefined): void {
  if (stop?.requested) throw new Stopped("A stop was requested");
}

/** By which a batch system warns of the end of a job's time. */
const REQUEUE = "SIGUSR2";
const REQUEUE_CODE = Deno.build.os === "darwin" ? 159 : 140;

/** Signals that ask for the end of a run, with the exit code that tells of each. */
const SIGNALS: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130], ["SIGBREAK", 149]]
  : [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129], [REQUEUE, REQUEUE_CODE]];

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
      stop.requeued = signal === REQUEUE;
      const next = stop.requeued ? "another process can --resume the run" : "the test follows";
      io.err(`Stopping: ${next}; a second Ctrl-C ends at once`);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return Object.assign(stop, {
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  });
}
