/**
 * What ranks learn of each other's faults. One rank prints an error that names the fault and exits, and MPI_Abort
 * at its exit ends all others.
 *
 *     a rank throws    it sends ENDED with the reason to rank 0    rank 0 throws the reason when it waits
 *     a rank hangs     all that wait for it longer than the        the lowest of them prints who has sent
 *                      timeout send WAITING to each other          nothing
 *     a rank is done   it sends ENDED without a reason to rank 0   rank 0 ends MPI when it has all
 *
 * Where the rank that should print does not, the next one does a turn later.
 */

import { setImmediate } from "node:timers";
import { setTimeout as delay } from "node:timers/promises";
import { Failure, reasonOf } from "../shared/errors.ts";
import type { Messages, Request } from "./messages.ts";

/** Milliseconds for which a rank asks again and again whether the others have come, before it sleeps between. */
const EAGER_MS = 5;
/** How often it asks before it lets signals and timers run. */
const ASKED_AT_ONCE = 64;
/** Milliseconds for which a rank listens for others that wait. */
const NAMING_MS = 3000;
/** Milliseconds after which rank 0 should have ended a run in which another rank has failed. */
const ENDING_MS = 5000;
/** Milliseconds of a turn: what a rank leaves each lower one for printing. */
const TURN_MS = 1000;
/** Tags of messages: a rank has failed, or is done; and a rank waits for others. */
const [ENDED, WAITING] = [1, 2];
/** Bytes of the reason why a rank failed. */
const REASON_BYTES = 2048;

/** Waits for the other ranks, and tells them of a fault. */
export class Faults {
  readonly #messages: Messages;
  readonly #rank: number;
  readonly #others: readonly number[];
  readonly #timeout: number;
  /** On rank 0: what each other rank sends at its end. */
  readonly #reports: readonly Request[];
  /** How many lower ranks wait for a missing one, too; undefined if none is missing. */
  #waitingBefore: number | undefined;

  /**
   * On rank 0 it listens for failures from now on.
   *
   * @param timeout Seconds after which a rank that has not come counts as hung.
   */
  constructor(messages: Messages, rank: number, size: number, timeout: number) {
    this.#messages = messages;
    this.#rank = rank;
    this.#others = Array.from({ length: size }, (_, other) => other)
      .filter((other) => other !== rank);
    this.#timeout = timeout;
    this.#reports = rank > 0 ? [] : this.#others.map((other) => {
      return messages.receive(other, ENDED, new Uint8Array(REASON_BYTES));
    });
  }

  /**
   * Resolves when an operation of all ranks is done. It asks for that rather than wait in the library, which
   * would keep a core busy, and signals from arriving.
   *
   * @throws {Failure} If a rank has failed, or does not come in time.
   */
  async wait(request: Request): Promise<void> {
    const begin = performance.now();
    for (;;) {
      for (let i = 0; i < ASKED_AT_ONCE; i++) if (this.#messages.isDone(request)) return;
      this.#expectNoReport();
      const waited = performance.now() - begin;
      if (waited > 1000 * this.#timeout) throw await this.#missing();
      await pause(waited < EAGER_MS);
    }
  }

  /** On rank 0: throws the failure that another rank has sent, also when it waits again to clean up. */
  #expectNoReport(): void {
    for (const report of this.#reports) {
      const reason = this.#messages.isDone(report) ? textOf(report) : "";
      if (reason !== "") throw new Failure(reason);
    }
  }

  /** The Failure that names the ranks of which this one does not hear that they wait, too. */
  async #missing(): Promise<Failure> {
    const missing = new Map<number, Request>();
    for (const rank of this.#others) {
      this.#messages.send(rank, WAITING, new Uint8Array(1));
      missing.set(rank, this.#messages.receive(rank, WAITING, new Uint8Array(1)));
    }
    const until = performance.now() + NAMING_MS;
    while (performance.now() < until && missing.size > 0) {
      for (const [rank, request] of missing) {
        if (this.#messages.isDone(request)) missing.delete(rank);
      }
      this.#expectNoReport();
      await pause(false);
    }
    this.#waitingBefore =
      this.#others.filter((rank) => rank < this.#rank && !missing.has(rank)).length;
    const names = [...missing.keys()];
    const who = names.length === 1 ? `rank ${names[0]} has` : `ranks ${names.join(", ")} have`;
    return new Failure(
      names.length === 0
        ? `The network takes longer than ${this.#timeout} s: raise --rank-timeout`
        : `${who} not answered for ${this.#timeout} s: hung, cut off or slower than ` +
          "--rank-timeout; the last checkpoint is whole, and --resume goes on from it",
    );
  }

  /** Tells rank 0 of this rank's error. Resolves when it is this rank's turn to print it; all may end before. */
  async tell(error: unknown): Promise<void> {
    if (this.#waitingBefore !== undefined) return await delay(TURN_MS * this.#waitingBefore);
    if (this.#rank === 0) return;
    const reason = new TextEncoder().encode(`rank ${this.#rank}: ${reasonOf(error)}`);
    this.#messages.send(0, ENDED, reason.slice(0, REASON_BYTES));
    const until = performance.now() + ENDING_MS + TURN_MS * this.#rank;
    while (performance.now() < until) await pause(false); // the library sends while it is asked
  }

  /** Tells rank 0 that this rank is done; there, waits until all are. */
  end(): void {
    if (this.#rank > 0) this.#messages.send(0, ENDED, new Uint8Array(1));
    for (const report of this.#reports) while (!this.#messages.isDone(report));
  }
}

/** The reason that came; empty of a rank that is done. */
function textOf({ buffers: [buffer] }: Request): string {
  const bytes = buffer as Uint8Array<ArrayBuffer>, end = bytes.indexOf(0);
  return new TextDecoder().decode(bytes.subarray(0, end < 0 ? undefined : end));
}

/** Lets signals, timers and the GPU run, for as short as possible or for a millisecond. */
function pause(short: boolean): Promise<void> {
  return new Promise((resolve) => short ? void setImmediate(resolve) : void setTimeout(resolve, 1));
}
