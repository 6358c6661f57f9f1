/** Ranks in one process, each with a device of its own. */

import { Communicator } from "./communicator.ts";
import { expectPositive } from "../device/expect.ts";

/** What a rank brings to a meeting. */
interface Call {
  readonly what: string;
  readonly sends: readonly Uint8Array[];
  resolve(received: Uint8Array[]): void;
  reject(error: Error): void;
}

/** Where the ranks meet: when all have called, each gets what it was sent. */
class Meeting {
  #calls: (Call | undefined)[];
  #waiting = 0;

  constructor(readonly size: number) {
    this.#calls = new Array<undefined>(size).fill(undefined);
  }

  meet(rank: number, what: string, sends: readonly Uint8Array[]): Promise<Uint8Array[]> {
    if (this.#calls[rank]) throw new TypeError(`Cannot ${what}: rank ${rank} awaits another call`);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array[]>();
    const copies = sends.map((bytes) => bytes.slice());
    this.#calls[rank] = { what, sends: copies, resolve, reject };
    if (++this.#waiting === this.size) this.#end(this.#calls as Call[]);
    return promise;
  }

  #end(calls: readonly Call[]): void {
    this.#calls = new Array<undefined>(this.size).fill(undefined);
    this.#waiting = 0;
    const other = calls.findIndex(({ what }) => what !== calls[0]!.what);
    if (other < 0) {
      return calls.forEach(({ resolve }, rank) => resolve(calls.map(({ sends }) => sends[rank]!)));
    }
    const what = `rank 0 called ${calls[0]!.what}, rank ${other} ${calls[other]!.what}`;
    for (const { reject } of calls) reject(new TypeError(`Ranks do not match: ${what}`));
  }
}

class InProcess extends Communicator {
  readonly rank: number;
  readonly size: number;
  readonly #meeting: Meeting;

  constructor(meeting: Meeting, rank: number) {
    super();
    this.#meeting = meeting;
    this.rank = rank;
    this.size = meeting.size;
  }

  protected override exchangeBytes(sends: readonly Uint8Array[]): Promise<Uint8Array[]> {
    return this.#meeting.meet(this.rank, "exchange", sends);
  }

  protected override gatherBytes(own: Uint8Array): Promise<Uint8Array[]> {
    return this.#meeting.meet(this.rank, "gather", new Array<Uint8Array>(this.size).fill(own));
  }

  protected override async broadcastBytes(bytes: Uint8Array): Promise<void> {
    const sends = new Array<Uint8Array>(this.size).fill(this.rank === 0 ? bytes : new Uint8Array());
    const [first] = await this.#meeting.meet(this.rank, `broadcast ${bytes.length} bytes`, sends);
    bytes.set(first!);
  }
}

/**
 * The ranks of a computation in this process. Each needs a `Gpu` of its own, and all have to be at work at the
 * same time: a method resolves when every rank has called it.
 *
 * @throws {RangeError} Unless `size` is a positive integer.
 */
export function ranksInProcess(size: number): Communicator[] {
  expectPositive("make ranks", "size", size);
  const meeting = new Meeting(size);
  return Array.from({ length: size }, (_, rank) => new InProcess(meeting, rank));
}
