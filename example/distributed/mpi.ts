/** Ranks over MPI, through Deno's foreign function interface. */

import { setImmediate } from "node:timers";
import { setTimeout as delay } from "node:timers/promises";
import { Communicator } from "../../kernels/mod.ts";
import { Failure, reasonOf } from "../shared/errors.ts";
import { packed, sendableBytes, startsOf, unpacked } from "./bytes.ts";
import { launched, mismatch } from "./launcher.ts";
import { libraryText, Messages, type Request } from "./messages.ts";
import { type MpiConstants, type MpiFunctions, openLibrary } from "./mpi_library.ts";
import { waitForReader } from "./reader.ts";

/** Milliseconds for which a rank asks again and again whether the others have come, before it sleeps between. */
const EAGER_MS = 5;
/** How often it asks before it lets signals and timers run. */
const ASKED_AT_ONCE = 64;
/** Milliseconds in which ranks that wait in vain tell each other so. */
const NAMING_MS = 3000;
/** Milliseconds in which rank 0 has to end the run of which another rank has told it that it failed. */
const ENDING_MS = 5000;
/** Milliseconds that a rank leaves each one before it to speak and end all. */
const TURN_MS = 1000;
/** Milliseconds in which rank 0 has to print an error that all ranks have. */
const FIRST_MS = 2000;
/** Most bytes of one call: MPI counts in 32 bits, with a sign. */
const MAX_BYTES = 2 ** 30;
/** MPI_THREAD_SINGLE: all calls come from one thread. */
const SINGLE = 0;
/** Tags of messages: why a rank failed, or that it is done; and that it waits for others. */
const [FAILED, WAITING] = [1, 2];
/** Bytes of the reason why a rank failed. */
const REASON_BYTES = 2048;

/** How long the ranks wait for each other. */
interface MpiOptions {
  /** Seconds after which a rank that has not come counts as hung. */
  readonly rankTimeout: number;
}

/**
 * Starts MPI. Sizes are compared with the launcher's.
 *
 * @throws {UsageError} If the program may not use it.
 * @throws {Failure} If there is no library, or it does not suit the launcher.
 */
export async function openMpi(options: MpiOptions): Promise<Mpi> {
  const started = launched();
  try {
    const { name, constants, functions } = openLibrary(started.by?.kind, started.library);
    const mpi = new Mpi(constants, functions, options);
    const problem = mismatch(started, mpi.size, `${name} (${constants.abi})`);
    if (problem === undefined) return mpi;
    await mpi.finalize();
    throw new Failure(problem);
  } catch (error) {
    // Rank 0 prints first, and the launcher then ends the others.
    if ((started.rank ?? 0) > 0) await delay(FIRST_MS);
    throw error;
  }
}

/** All ranks of an MPI program. What is gathered or exchanged in one call is 2 GiB at most. */
export class Mpi extends Communicator {
  readonly rank: number;
  readonly size: number;
  /** The library and its version. */
  readonly library: string;
  /** The name of this rank's machine. */
  readonly host: string;
  readonly #constants: MpiConstants;
  readonly #functions: MpiFunctions;
  readonly #messages: Messages;
  readonly #timeoutMs: number;
  /** On rank 0: what the other ranks may send, by rank. */
  readonly #reports: (Request | undefined)[] = [];
  #busy: string | undefined;
  /** Of the ranks that wait in vain, how many are before this one; undefined if it does not. */
  #waitingBefore: number | undefined;
  #finalized = false;
  /** Memory that is used again: that of a new array is slow to come by. */
  readonly #rooms = new Map<string, Uint8Array<ArrayBuffer>>();

  /** Used by {@linkcode openMpi}. */
  constructor(constants: MpiConstants, functions: MpiFunctions, { rankTimeout }: MpiOptions) {
    super();
    this.#constants = constants;
    this.#functions = functions;
    this.#messages = new Messages(constants, functions);
    this.#timeoutMs = 1000 * rankTimeout;
    const { world, errorsReturn } = constants;
    this.#messages.check("start", functions.MPI_Init_thread(0n, 0n, SINGLE, new Int32Array(1)));
    this.#messages.check("start", functions.MPI_Comm_set_errhandler(world, errorsReturn));
    const number = (read: (word: Int32Array<ArrayBuffer>) => number) => {
      const word = new Int32Array(1);
      this.#messages.check("start", read(word));
      return word[0]!;
    };
    this.rank = number((word) => functions.MPI_Comm_rank(world, word));
    this.size = number((word) => functions.MPI_Comm_size(world, word));
    this.library = libraryText((bytes, length) => functions.MPI_Get_library_version(bytes, length));
    this.host = libraryText((bytes, length) => functions.MPI_Get_processor_name(bytes, length));
    if (this.rank === 0) {
      for (let rank = 1; rank < this.size; rank++) {
        this.#reports[rank] = this.#messages.receive(rank, FAILED, new Uint8Array(REASON_BYTES));
      }
    }
    // However the process ends, the others must not wait for it.
    globalThis.addEventListener("unload", () => {
      if (this.#finalized) return;
      waitForReader(functions);
      functions.MPI_Abort(world, Deno.exitCode || 1);
    });
  }

  protected override gatherBytes(own: Uint8Array): Promise<Uint8Array[]> {
    return this.#alone("gather", async () => {
      return await this.#gather(own, await this.#gatherCounts(Int32Array.of(own.length)));
    });
  }

  protected override exchangeBytes(sends: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const { byte, world } = this.#constants, { rank, size } = this;
    return this.#alone("exchange", async () => {
      const all = await this.#gatherCounts(Int32Array.from(sends, ({ length }) => length));
      const sent = all.slice(rank * size, (rank + 1) * size);
      const received = sent.map((_, k) => all[k * size + rank]!);
      const from = packed(sends, this.#room("sent", sendableBytes(sent)));
      const to = this.#room("received", sendableBytes(received));
      const [fromStarts, toStarts] = [startsOf(sent), startsOf(received)];
      await this.#together(
        [from, to, sent, received, fromStarts, toStarts],
        (request) =>
          this.#functions.MPI_Ialltoallv(
            ...[from, sent, fromStarts, byte] as const,
            ...[to, received, toStarts, byte] as const,
            world,
            request,
          ),
      );
      return unpacked(to, received);
    });
  }

  protected override broadcastBytes(bytes: Uint8Array): Promise<void> {
    const { byte, world } = this.#constants;
    return this.#alone("broadcast", async () => {
      for (let at = 0; at < bytes.length; at += MAX_BYTES) {
        const piece = new Uint8Array(bytes.subarray(at, at + MAX_BYTES));
        await this.#together(
          [piece],
          (request) => this.#functions.MPI_Ibcast(piece, piece.length, byte, 0, world, request),
        );
        bytes.set(piece, at);
      }
    });
  }

  /** Numbers of all ranks, as many from each. */
  async #gatherCounts(own: Int32Array<ArrayBuffer>): Promise<Int32Array<ArrayBuffer>> {
    const counts = new Int32Array(this.size).fill(own.byteLength);
    const parts = await this.#gather(new Uint8Array(own.buffer), counts, "counts");
    return new Int32Array(packed(parts).buffer);
  }

  async #gather(
    own: Uint8Array,
    counts: Int32Array<ArrayBuffer>,
    name = "gathered",
  ): Promise<Uint8Array<ArrayBuffer>[]> {
    const { byte, world } = this.#constants, starts = startsOf(counts);
    const from = own as Uint8Array<ArrayBuffer>, to = this.#room(name, sendableBytes(counts));
    await this.#together([from, to, counts, starts], (request) =>
      this.#functions.MPI_Iallgatherv(
        ...[from, from.length, byte] as const,
        ...[to, counts, starts, byte] as const,
        world,
        request,
      ));
    return unpacked(to, counts);
  }

  /** Memory of `bytes`, which the next call by this name gets again. */
  #room(name: string, bytes: number): Uint8Array<ArrayBuffer> {
    let room = this.#rooms.get(name);
    if (!room || room.length < bytes) this.#rooms.set(name, room = new Uint8Array(bytes));
    return room.subarray(0, bytes);
  }

  /** Runs one operation at a time. */
  async #alone<T>(what: string, run: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new TypeError(`Cannot ${what}: a call to ${this.#busy} is not over`);
    this.#busy = what;
    try {
      return await run();
    } finally {
      this.#busy = undefined;
    }
  }

  /**
   * Starts an operation of all ranks and resolves when it is done. It asks for that rather than wait in the
   * library, which would keep a core busy, and the signals from arriving. `buffers` stay alive until then.
   *
   * @throws {Failure} If a rank has failed, or does not come in time.
   */
  async #together(
    buffers: Request["buffers"],
    start: (handle: BigUint64Array<ArrayBuffer>) => number,
  ): Promise<void> {
    const request = this.#messages.start(start, buffers), begin = performance.now();
    for (;;) {
      for (let i = 0; i < ASKED_AT_ONCE; i++) if (this.#messages.isDone(request)) return;
      this.#expectNoReport();
      const waited = performance.now() - begin;
      if (waited > this.#timeoutMs) await this.#nameMissing();
      await pause(waited < EAGER_MS);
    }
  }

  /** Throws a Failure that says which ranks do not wait, as those do that this rank hears of. */
  async #nameMissing(): Promise<never> {
    const waiting = new Set([this.rank]), requests = new Map<number, Request>();
    for (let rank = 0; rank < this.size; rank++) {
      if (rank === this.rank) continue;
      this.#messages.send(rank, WAITING, new Uint8Array(1));
      requests.set(rank, this.#messages.receive(rank, WAITING, new Uint8Array(1)));
    }
    const until = performance.now() + NAMING_MS;
    while (performance.now() < until && waiting.size < this.size) {
      for (const [rank, request] of requests) {
        if (!waiting.has(rank) && this.#messages.isDone(request)) waiting.add(rank);
      }
      this.#expectNoReport();
      await pause(false);
    }
    this.#waitingBefore = [...waiting].filter((rank) => rank < this.rank).length;
    const missing = Array.from({ length: this.size }, (_, rank) => rank)
      .filter((rank) => !waiting.has(rank));
    const who = missing.length === 1
      ? `rank ${missing[0]} has`
      : `ranks ${missing.join(", ")} have`;
    throw new Failure(
      missing.length === 0
        ? `The network takes longer than ${this.#timeoutMs / 1000} s: raise --rank-timeout`
        : `${who} not answered for ${this.#timeoutMs / 1000} s: hung, cut off or slower than ` +
          "--rank-timeout; the last checkpoint is whole, and --resume goes on from it",
    );
  }

  /** On rank 0: throws the failure that another rank has sent; a rank that is done sends an empty one. */
  #expectNoReport(): void {
    this.#reports.forEach((report, rank) => {
      if (!report || !this.#messages.isDone(report)) return;
      delete this.#reports[rank];
      const buffer = report.buffers[0] as Uint8Array<ArrayBuffer>, end = buffer.indexOf(0);
      if (end === 0) return;
      throw new Failure(new TextDecoder().decode(buffer.subarray(0, end < 0 ? undefined : end)));
    });
  }

  /**
   * Tells rank 0 that this rank has failed, which then ends all. Resolves if it does not do so in time, or if it
   * is for this rank to speak: it is rank 0, or the first of those that wait in vain for another.
   */
  async fail(error: unknown): Promise<void> {
    const before = this.#waitingBefore;
    if (before !== undefined) return await delay(TURN_MS * before);
    if (this.rank === 0 || this.#busy !== undefined || this.#finalized) return;
    const reason = new TextEncoder().encode(`rank ${this.rank}: ${reasonOf(error)}`);
    this.#messages.send(0, FAILED, reason.slice(0, REASON_BYTES));
    // The lowest rank speaks first if rank 0 does not answer.
    const until = performance.now() + ENDING_MS + TURN_MS * this.rank;
    while (performance.now() < until) await pause(false);
  }

  /** Ends MPI when all ranks have come here; nothing can be sent afterwards. */
  async finalize(): Promise<void> {
    await this.barrier();
    this.#finalized = true;
    if (this.rank > 0) this.#messages.send(0, FAILED, new Uint8Array(1));
    for (const report of this.#reports) while (report && !this.#messages.isDone(report));
    this.#functions.MPI_Finalize();
  }
}

/** Lets signals, timers and the GPU run, for as short as possible or for a millisecond. */
function pause(short: boolean): Promise<void> {
  return new Promise((resolve) => short ? void setImmediate(resolve) : void setTimeout(resolve, 1));
}
