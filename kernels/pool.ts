/** Buffers and textures: exact ones for parameters, pooled ones (by size class) for what lives within a step. */

import { type Storage, type Texels, TEXELS_A_ROW } from "./tensor.ts";

const BUFFER_USAGE = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC
const TEXTURE_USAGE = 0x8 | 0x2; // STORAGE_BINDING | COPY_DST

/** Bytes of a texture's row. */
const TEXEL_ROW_BYTES = 16 * TEXELS_A_ROW;

/** Free pooled bytes that are kept; past that, what is released is destroyed. */
const MAX_FREE_BYTES = 512 * 2 ** 20;

/** Quarters of a power of two: the smallest that is at least `size`. */
function quarters(size: number): number {
  const quarter = 2 ** Math.max(0, Math.floor(Math.log2(size)) - 2);
  return Math.ceil(size / quarter) * quarter;
}

/**
 * Rounds up to a size class: 1, 1.25, 1.5 or 1.75 times a power of two, at least 256 bytes.
 * Batches differ in length; classes let their buffers be shared at the cost of a fifth at most.
 */
export function sizeClass(bytes: number): number {
  return bytes <= 256 ? 256 : quarters(bytes);
}

/** Counts of what is allocated on the GPU now. */
export interface MemoryUse {
  /** Bytes of buffers that a tensor owns, and of their copies in textures. */
  readonly bytes: number;
  /** Number of buffers that a tensor owns, and of their copies in textures. */
  readonly buffers: number;
  /** Bytes of free buffers and textures that wait in the pool. */
  readonly freeBytes: number;
  /** The most that {@linkcode bytes} and {@linkcode freeBytes} came to, together, so far. */
  readonly peakBytes: number;
}

/** Allocates buffers and textures, and takes them back. */
export class Pool {
  readonly #device: GPUDevice;
  readonly #freeBuffers = new Map<number, Storage[]>();
  readonly #freeTextures = new Map<number, Texels[]>();
  readonly #onDestroy: () => void;
  #nextId = 0;
  #bytes = 0;
  #buffers = 0;
  #freeBytes = 0;
  #peakBytes = 0;

  /** `onDestroy` runs before a buffer or texture is destroyed: unsubmitted commands may name it. */
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
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const storage = this.#storage(size, () => {
      this.#count(size, -1);
      this.#destroy(storage);
    });
    this.#count(size, 1);
    return storage;
  }

  /** A buffer of the size class of `bytes`; its content is undefined. */
  pooled(bytes: number): Storage {
    const size = sizeClass(bytes);
    return this.#take(this.#freeBuffers, size, (release) => this.#storage(size, release));
  }

  /** A texture for at least `bytes`; its content is undefined. */
  texels(bytes: number): Texels {
    const height = quarters(Math.ceil(bytes / TEXEL_ROW_BYTES));
    return this.#take(this.#freeTextures, height * TEXEL_ROW_BYTES, (release) => {
      const texture = this.#device.createTexture({
        size: [TEXELS_A_ROW, height],
        format: "rgba32float",
        usage: TEXTURE_USAGE,
      });
      return { texture, view: texture.createView(), id: this.#nextId++, release };
    });
  }

  #storage(size: number, release: () => void): Storage {
    const buffer = this.#device.createBuffer({ size, usage: BUFFER_USAGE });
    return {
      buffer,
      id: this.#nextId++,
      references: 0,
      usedIn: -1,
      version: 0,
      copies: [],
      release,
    };
  }

  #take<T extends Storage | Texels>(
    free: Map<number, T[]>,
    bytes: number,
    make: (release: () => void) => T,
  ): T {
    let item = free.get(bytes)?.pop();
    if (item) this.#freeBytes -= bytes;
    else {
      const made: T = make(() => this.#recycle(free, bytes, made));
      item = made;
    }
    this.#count(bytes, 1);
    return item;
  }

  #recycle<T extends Storage | Texels>(free: Map<number, T[]>, bytes: number, item: T): void {
    this.#count(bytes, -1);
    if (this.#freeBytes + bytes > MAX_FREE_BYTES) return this.#destroy(item);
    const list = free.get(bytes) ?? [];
    list.push(item);
    free.set(bytes, list);
    this.#freeBytes += bytes;
  }

  #count(bytes: number, sign: 1 | -1): void {
    this.#bytes += sign * bytes;
    this.#buffers += sign;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes + this.#freeBytes);
  }

  #destroy(item: Storage | Texels): void {
    this.#onDestroy();
    ("buffer" in item ? item.buffer : item.texture).destroy();
  }
}
