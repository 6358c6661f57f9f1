/** Ranks whose exchanges are timed and counted. */

import { Communicator } from "../../kernels/mod.ts";
import { byteView } from "../shared/files.ts";

/** Passes everything on to another communicator. */
export class Measured extends Communicator {
  readonly rank: number;
  readonly size: number;
  /** Milliseconds in calls, in which this rank also waits for others. */
  ms = 0;
  /** Bytes that this rank has sent to others. */
  bytes = 0;
  readonly #inner: Communicator;

  /** Begins with zero. */
  constructor(inner: Communicator) {
    super();
    this.#inner = inner;
    this.rank = inner.rank;
    this.size = inner.size;
  }

  protected override exchangeBytes(sends: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const toOthers = sends.reduce((sum, { length }, k) => k === this.rank ? sum : sum + length, 0);
    return this.#timed(toOthers, async () => {
      return (await this.#inner.exchange(sends.map(uint32Of))).map(byteView);
    });
  }

  protected override gatherBytes(own: Uint8Array): Promise<Uint8Array[]> {
    return this.#timed(own.length * (this.size - 1), async () => {
      return (await this.#inner.gather(uint32Of(own))).map(byteView);
    });
  }

  protected override broadcastBytes(bytes: Uint8Array): Promise<void> {
    const sent = this.rank === 0 ? bytes.length * (this.size - 1) : 0;
    return this.#timed(sent, () => this.#inner.broadcast(uint32Of(bytes)));
  }

  async #timed<T>(bytes: number, call: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    this.bytes += bytes;
    try {
      return await call();
    } finally {
      this.ms += performance.now() - begin;
    }
  }
}

/** The same memory as 32-bit numbers: all that is sent consists of them. */
function uint32Of({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}
