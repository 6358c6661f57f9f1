/**
 * Stops a run by signals: the first ends training gracefully, the second at once. Signals that come before the
 * event loop turns are one.
 */

import { labelled } from "./format.ts";
import type { Io } from "./io.ts";

/** A stop request, checked between batches. */
export interface StopFlag {
  /** Set once the run should end. */
  requested: boolean;
  /** Set if the run should end without a test, so that another process can continue it. */
  requeued?: boolean;
}

/** Thrown when work ends early because a stop was requested. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/** @throws {Stopped} If a stop was requested. */
export function checkStop(stop: StopFlag | undefined): void {
  if (stop?.requested) throw new Stopped("A stop was requested");
}

/** Signal by which a batch system warns that a job's time is running out. */
const REQUEUE = "SIGUSR2";
const REQUEUE_CODE = Deno.build.os === "darwin" ? 159 : 140;

/** Signals that stop a run, with their exit codes. */
const SIGNALS: readonly (readonly [Deno.Signal, number])[] = Deno.build.os === "windows"
  ? [["SIGINT", 130], ["SIGBREAK", 149]]
  : [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129], [REQUEUE, REQUEUE_CODE]];

/** Says what follows a stop. */
export function tellOfStop(io: Pick<Io, "err">, { requeued }: StopFlag): void {
  const next = requeued ? "another process can --resume the run" : "the test follows";
  io.err(labelled("stopping", `${next}; Ctrl-C once more, after this line, ends at once`));
}

/**
 * Listens for Ctrl-C and similar signals: the first sets `requested`, a second ends the program.
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
      if (stop.requested) {
        for (const screen of [io, io.error]) screen.live(""); // nothing else would remove a bar
        return exit(code);
      }
      stop.requested = true;
      stop.requeued = signal === REQUEUE;
      tellOfStop(io, stop);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return Object.assign(stop, {
    [Symbol.dispose]: () => listeners.forEach((remove) => remove()),
  });
}

/** Stops a run `minutes` from now, unless it has stopped by then; never if there are none. */
export function stopAfter(minutes: number | null, stop: StopFlag, io: Pick<Io, "err">): Disposable {
  const timer = minutes === null ? undefined : setTimeout(() => {
    if (stop.requested) return;
    stop.requested = true;
    io.err(
      labelled(
        "stopping",
        `--max-minutes ${minutes} are over; the test follows; Ctrl-C ends at once`,
      ),
    );
  }, 60_000 * minutes);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
