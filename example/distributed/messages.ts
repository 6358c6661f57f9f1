/** Messages between two ranks, and operations of all: started, and asked for until they are done. */

import { Failure } from "../shared/errors.ts";
import type { MpiConstants, MpiFunctions } from "./mpi_library.ts";

/** A message or an operation under way. */
export interface Request {
  readonly handle: BigUint64Array<ArrayBuffer>;
  /** What the library reads or writes meanwhile. */
  readonly buffers: readonly ArrayBufferView<ArrayBuffer>[];
}

/** Starts messages of a library. */
export class Messages {
  readonly #constants: MpiConstants;
  readonly #functions: MpiFunctions;
  readonly #sent: Request[] = [];

  /** Before anything is sent, the library has to be started. */
  constructor(constants: MpiConstants, functions: MpiFunctions) {
    this.#constants = constants;
    this.#functions = functions;
  }

  /** Starts what `begin` says; the `buffers` stay alive with the request. */
  start(
    begin: (handle: BigUint64Array<ArrayBuffer>) => number,
    buffers: Request["buffers"],
  ): Request {
    const handle = new BigUint64Array(1);
    this.check("begin a message", begin(handle));
    return { handle, buffers };
  }

  /** Sends `buffer` to a rank, which receives it under the same tag. */
  send(to: number, tag: number, buffer: Uint8Array<ArrayBuffer>): void {
    const { byte, world } = this.#constants;
    const request = this.start(
      (handle) => this.#functions.MPI_Isend(buffer, buffer.length, byte, to, tag, world, handle),
      [buffer],
    );
    this.#sent.push(request); // the buffer has to stay
  }

  /** Receives into `buffer`, which may be longer than the message. */
  receive(from: number, tag: number, buffer: Uint8Array<ArrayBuffer>): Request {
    const { byte, world } = this.#constants;
    return this.start(
      (handle) => this.#functions.MPI_Irecv(buffer, buffer.length, byte, from, tag, world, handle),
      [buffer],
    );
  }

  /** Whether a request is done. */
  isDone({ handle }: Request): boolean {
    const flag = new Int32Array(1);
    const code = this.#functions.MPI_Test(handle, flag, this.#constants.statusIgnore);
    this.check("wait for other ranks", code);
    return flag[0] !== 0;
  }

  /** Throws a Failure with the library's words if `code` is an error's. */
  check(doing: string, code: number): void {
    if (code === 0) return;
    const reason = libraryText((bytes, length) =>
      this.#functions.MPI_Error_string(code, bytes, length)
    );
    throw new Failure(`MPI cannot ${doing}: ${reason}`);
  }
}

/** The first words of a text that the library writes. */
export function libraryText(
  write: (bytes: Uint8Array<ArrayBuffer>, length: Int32Array<ArrayBuffer>) => number,
): string {
  const bytes = new Uint8Array(8192), length = new Int32Array(1);
  write(bytes, length);
  const [first] = new TextDecoder().decode(bytes.subarray(0, length[0])).split(/[,\n]/);
  return first!.replace(/\s+/g, " ").trim();
}
