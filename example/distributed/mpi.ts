/** Ranks over MPI, through Deno's foreign function interface. */

import { setTimeout as delay } from "node:timers/promises";
import { Communicator } from "../../kernels/mod.ts";
import { Failure } from "../shared/errors.ts";
import { packed, sendableBytes, startsOf, unpacked } from "./bytes.ts";
import { Faults } from "./faults.ts";
import { launched, mismatch } from "./launcher.ts";
import { libraryText, Messages, type Request } from "./messages.ts";
import { type MpiConstants, type MpiFunctions, openLibrary } from "./mpi_library.ts";
import { waitForReader } from "./reader.ts";

/** Milliseconds in which rank 0 has to print an error that all ranks have. */
const FIRST_MS = 2000;
/** Most bytes of one call: MPI counts in 32 bits, with a sign. */
const MAX_BYTES = 2 ** 30;
/** MPI_THREAD_SINGLE: all calls come from one thread. */
const SINGLE = 0;

/**
 * Starts MPI. Sizes are compared with the launcher's.
 *
 * @param rankTimeout Seconds after which a rank that has not come counts as hung.
 * @throws {UsageError} If the program may not use it.
 * @throws {Failure} If there is no library, or it does not suit the launcher.
 */
export async function openMpi(rankTimeout: number): Promise<Mpi> {
  const started = launched();
  try {
    const { name, constants, functions } = openLibrary(started.by?.kind, started.library);
    const mpi = new Mpi(constants, functions, rankTimeout);
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
  readonly #faults: Faults;
  /** The call that is not over. */
  #busy: string | undefined;
  #finalized = false;
  /** Buffers by name, which are used again: to allocate new ones takes long. */
  readonly #rooms = new Map<string, Uint8Array<ArrayBuffer>>();

  /** Used by {@linkcode openMpi}. */
  constructor(constants: MpiConstants, functions: MpiFunctions, rankTimeout: number) {
    super();
    this.#constants = constants;
    this.#functions = functions;
    this.#messages = new Messages(constants, functions);
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
    this.#faults = new Faults(this.#messages, this.rank, this.size, rankTimeout);
    // However the process ends, the others must not wait for it.
    globalThis.addEventListener("unload", () => {
      if (this.#finalized) return;
      waitForReader(functions);
      functions.MPI_Abort(world, Deno.exitCode || 1);
    });
  }

  protected override gatherBytes(own: Uint8Array): Promise<Uint8Array[]> {
    return this.#alone("gather", async () => {
      const counts = await this.#gatherCounts([own.length]);
      return unpacked(await this.#gather(own, counts, "gathered"), counts);
    });
  }

  protected override exchangeBytes(sends: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const { byte, world } = this.#constants, { rank, size } = this;
    return this.#alone("exchange", async () => {
      const all = await this.#gatherCounts(sends.map(({ length }) => length));
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

  /** The lengths of all ranks, as many from each. */
  async #gatherCounts(lengths: readonly number[]): Promise<Int32Array<ArrayBuffer>> {
    sendableBytes(lengths); // larger ones would be others in 32 bits
    const own = Int32Array.from(lengths), counts = new Int32Array(this.size).fill(own.byteLength);
    const all = await this.#gather(new Uint8Array(own.buffer), counts, "counts");
    return new Int32Array(all.slice().buffer);
  }

  /** The bytes of all ranks, one after another, in the room of this name. */
  async #gather(
    own: Uint8Array,
    counts: Int32Array<ArrayBuffer>,
    name: string,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { byte, world } = this.#constants, starts = startsOf(counts);
    const from = own as Uint8Array<ArrayBuffer>, to = this.#room(name, sendableBytes(counts));
    await this.#together([from, to, counts, starts], (request) =>
      this.#functions.MPI_Iallgatherv(
        ...[from, from.length, byte] as const,
        ...[to, counts, starts, byte] as const,
        world,
        request,
      ));
    return to;
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

  /** Starts an operation of all ranks and resolves when it is done; `buffers` stay alive until then. */
  async #together(
    buffers: Request["buffers"],
    start: (handle: BigUint64Array<ArrayBuffer>) => number,
  ): Promise<void> {
    await this.#faults.wait(this.#messages.start(start, buffers));
  }

  /** Tells the others of this rank's error; resolves if this rank should print it. */
  async fail(error: unknown): Promise<void> {
    await this.#faults.tell(error);
  }

  /** Ends MPI when all ranks have come here; nothing can be sent afterwards. */
  async finalize(): Promise<void> {
    await this.barrier();
    this.#faults.end();
    this.#finalized = true;
    this.#functions.MPI_Finalize();
  }
}
