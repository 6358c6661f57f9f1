/** Buffers: exact ones for parameters, pooled ones (by size class) for what lives within a step. */

import type { Storage } from "./tensor.ts";

const USAGE = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC

/** Free pooled bytes that are kept; past that, released buffers are destroyed. */
const MAX_FREE_BYTES = 512 * 2 ** 20;

/**
 * Rounds up to a size class: 1, 1.25, 1.5 or 1.75 times a power of two, at least 256 bytes.
 * Batches differ in length; classes let their buffers be shared at the cost of a fifth at most.
 */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const quarter = 2 ** (Math.floor(Math.log2(bytes)) - 2);
  return Math.ceil(bytes / quarter) * quarter;
}

/** Counts of what is allocated on the GPU now. */
export interface MemoryUse {
  /** Bytes of buffers that a tensor owns. */
  readonly bytes: number;
  /** Number of buffers that a tensor owns. */
  readonly buffers: number;
  /** Bytes of free buffers that wait in the pool. */
  readonly freeBytes: number;
  /** The most that {@linkcode bytes} and {@linkcode freeBytes} came to, together, so far. */
  readonly peakBytes: number;
}

/** Allocates buffers and takes them back. */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, Storage[]>();
  readonly #onDestroy: () => void;
  #nextId = 0;
  #bytes = 0;
  #buffers = 0;
  #freeBytes = 0;
  #peakBytes = 0;

  /** `onDestroy` runs before a buffer is destroyed: unsubmitted commands may name it. */
  constructor(device: GPUDevice, onDestroy: () => void) {
    this.#device = device;
    this.#onDestroy = onDestroy;
  }

  /** What is allocated now. */
  get use(): MemoryUse {
    return {
      bytes: this.#bytes,
      buffers: this.#buffers,
      freeBytes: this.#freeBytes,
      peakBytes: this.#peakBytes,
    };
  }

  /** A buffer of exactly `bytes` (rounded up to 16, so that kernels may read whole vec4s). */
  exact(bytes: number): Storage {
    const storage = this.#create(Math.max(16, Math.ceil(bytes / 16) * 16), () => {
      this.#count(storage, -1);
      this.#destroy(storage);
    });
    this.#count(storage, 1);
    return storage;
  }

  /** A buffer of the size class of `bytes`; its content is undefined. */
  pooled(bytes: number): Storage {
    const size = sizeClass(bytes);
    let storage = this.#free.get(size)?.pop();
    if (storage) this.#freeBytes -= size;
    else {
      const created: Storage = this.#create(size, () => {
        this.#count(created, -1);
        this.#recycle(created);
      });
      storage = created;
    }
    this.#count(storage, 1);
    return storage;
  }

  #create(size: number, release: () => void): Storage {
    const buffer = this.#device.createBuffer({ size, usage: USAGE });
    return { buffer, id: this.#nextId++, references: 0, usedIn: -1, release };
  }

  #count(storage: Storage, sign: 1 | -1): void {
    this.#bytes += sign * storage.buffer.size;
    this.#buffers += sign;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes + this.#freeBytes);
  }

  #recycle(storage: Storage): void {
    const size = storage.buffer.size;
    if (this.#freeBytes + size > MAX_FREE_BYTES) return this.#destroy(storage);
    const list = this.#free.get(size) ?? [];
    list.push(storage);
    this.#free.set(size, list);
    this.#freeBytes += size;
  }

  #destroy(storage: Storage): void {
    this.#onDestroy();
    storage.buffer.destroy();
  }
}
