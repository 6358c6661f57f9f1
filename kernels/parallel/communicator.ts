/** How the ranks of a computation exchange numbers: over MPI, in one process, or not at all. */

import { dtypeOf, type TensorData } from "../device/dtype.ts";
import { show } from "../device/expect.ts";

/** Numbers that are summed at a time: MPI counts bytes in 32 bits. */
const PIECE = 2 ** 27;
/** Numbers that are summed by gathering them from all ranks; more are divided among the ranks first. */
const GATHERED = 2 ** 14;

/**
 * The ranks of one computation, of which this is one. Every rank calls the same methods in the same order, one
 * at a time, and awaits each. A rank that throws does not come again, and the others wait for it: who has started
 * the ranks ends them, as `Promise.all` passes on the first error of ranks in one process.
 */
export abstract class Communicator {
  /** The number of this rank, from 0. */
  abstract readonly rank: number;
  /** The number of ranks. */
  abstract readonly size: number;

  // What these return may be written to, and is valid until the next call: memory can be used again.

  /** Sends `sends[k]` to rank k; returns what each rank sent to this one. */
  protected abstract exchangeBytes(sends: readonly Uint8Array[]): Promise<Uint8Array[]>;
  /** Sends `own` to all ranks; returns what each rank sent. */
  protected abstract gatherBytes(own: Uint8Array): Promise<Uint8Array[]>;
  /** Overwrites `bytes` with those of rank 0. */
  protected abstract broadcastBytes(bytes: Uint8Array): Promise<void>;

  /**
   * All-to-all: sends `sends[k]` to rank k, of any length; returns what each rank sent to this one.
   *
   * This and the other methods throw a TypeError if what they are given is not made of `Float32Array` or
   * `Uint32Array`.
   */
  async exchange<T extends TensorData>(sends: readonly T[]): Promise<T[]> {
    if (!Array.isArray(sends) || sends.length !== this.size) {
      const expected = `an array of as many parts as ranks, ${this.size}, is expected`;
      throw new TypeError(`Cannot exchange ${show(sends)}: ${expected}`);
    }
    for (const part of sends) dtypeOf("exchange", part);
    return numbersOf(sends[0]!, await this.exchangeBytes(sends.map(byteView)));
  }

  /** The numbers of each rank, as many as it has, on all ranks. */
  async gather<T extends TensorData>(own: T): Promise<T[]> {
    dtypeOf("gather", own);
    return numbersOf(own, await this.gatherBytes(byteView(own)));
  }

  /** Overwrites `data`, of one length on all ranks, with what rank 0 has. */
  async broadcast(data: TensorData): Promise<void> {
    dtypeOf("broadcast", data);
    await this.broadcastBytes(byteView(data));
  }

  /** Resolves when all ranks have called it. */
  async barrier(): Promise<void> {
    await this.gatherBytes(new Uint8Array());
  }

  /**
   * Overwrites `data`, of one length on all ranks, with the sum over the ranks. Ranks are added in their order,
   * in float32, so that the bits do not depend on the library or the network. A rank that finds another length
   * throws a TypeError; of many numbers each rank sees a share alone.
   */
  async sum(data: Float32Array): Promise<void> {
    if (dtypeOf("sum over ranks", data) !== "f32") {
      throw new TypeError("Cannot sum over ranks: a Float32Array is expected");
    }
    for (let at = 0; at < data.length; at += PIECE) await this.#sum(data.subarray(at, at + PIECE));
  }

  async #sum(data: Float32Array): Promise<void> {
    const { size } = this, bytes = byteView(data);
    if (data.length * size <= GATHERED) return data.set(total(await this.gatherBytes(bytes)));
    const edge = (k: number) => Math.floor(data.length * k / size);
    const shares = Array.from(
      { length: size },
      (_, k) => bytes.subarray(4 * edge(k), 4 * edge(k + 1)),
    );
    const sums = await this.gatherBytes(byteView(total(await this.exchangeBytes(shares))));
    sums.forEach((sum, k) => bytes.set(sum, 4 * edge(k)));
  }
}

/** Throws a TypeError unless `value` is a communicator. */
export function expectCommunicator(doing: string, value: unknown): void {
  if (value instanceof Communicator) return;
  throw new TypeError(`Cannot ${doing}: ${show(value)} is no Communicator`);
}

/** The sum of equally many floats of each rank, in the ranks' order; overwrites the first. */
function total(all: readonly Uint8Array[]): Float32Array {
  const [first, ...others] = all.map((bytes) => {
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  });
  for (const other of others) {
    if (other.length !== first!.length) {
      throw new TypeError(
        `Cannot sum over ranks: rank 0 has ${first!.length} elements, another ${other.length}`,
      );
    }
    for (let i = 0; i < other.length; i++) first![i]! += other[i]!;
  }
  return first!;
}

function byteView({ buffer, byteOffset, byteLength }: TensorData): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Arrays of the kind of `like` over whole buffers of bytes. */
function numbersOf<T extends TensorData>(like: T, all: readonly Uint8Array[]): T[] {
  const Numbers = like.constructor as new (buffer: ArrayBufferLike) => T;
  return all.map(({ buffer, byteOffset, byteLength }) =>
    new Numbers(buffer.slice(byteOffset, byteOffset + byteLength))
  );
}

class Alone extends Communicator {
  readonly rank = 0;
  readonly size = 1;

  protected override exchangeBytes(sends: readonly Uint8Array[]): Promise<Uint8Array[]> {
    return Promise.resolve([...sends]);
  }

  protected override gatherBytes(own: Uint8Array): Promise<Uint8Array[]> {
    return Promise.resolve([own]);
  }

  protected override broadcastBytes(): Promise<void> {
    return Promise.resolve();
  }
}

/** The only rank of its computation. */
export const ALONE: Communicator = new Alone();
