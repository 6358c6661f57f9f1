/** Buffers and textures: exact ones for parameters, pooled ones (by size class) for tensors of a step. */

import { type Faults, OutOfMemoryError } from "./faults.ts";
import type { Storage } from "./tensor.ts";
import { TEXEL_BYTES, type TexelFormat, type Texels, TEXELS_A_ROW } from "./texels.ts";

/**
 * Free bytes that the pool keeps; beyond that, it destroys what has long been free, else what is released.
 * A step may hold 512 MiB of scores besides all else.
 */
const MAX_FREE_BYTES = 2 ** 30;
/** A size is stale when so many buffers and textures were released since one of it was: more than a step's. */
const STALE_AFTER = 4096;

/** The smallest multiple of a quarter of a power of two that is at least `size`. */
function quarters(size: number): number {
  const quarter = 2 ** Math.max(0, Math.floor(Math.log2(size)) - 2);
  return Math.ceil(size / quarter) * quarter;
}

/**
 * Rounds up to a size class: 1, 1.25, 1.5 or 1.75 times a power of two, at least 256 bytes and at most
 * `maxBytes`.
 * Batches differ in length; with size classes they share buffers, at a cost of a fifth at most.
 */
export function sizeClass(bytes: number, maxBytes = Infinity): number {
  return bytes <= 256 ? 256 : Math.min(maxBytes, quarters(bytes));
}

/** What is allocated on the GPU now. */
export interface MemoryUse {
  /** Bytes of buffers that a tensor owns, and of their copies in textures. */
  readonly bytes: number;
  /** Number of buffers that a tensor owns, and of their copies in textures. */
  readonly buffers: number;
  /** Bytes of free buffers and textures that wait in the pool. */
  readonly freeBytes: number;
  /** The largest sum of {@linkcode bytes} and {@linkcode freeBytes} so far. */
  readonly peakBytes: number;
  /** Number of steps that have not ended. */
  readonly steps: number;
}

/** Free buffers, or textures, of one size. */
interface FreeList<T> {
  readonly bytes: number;
  /** By falling id; the last one is taken. Equal steps then have equal buffers, and bind groups are known. */
  readonly items: T[];
  /** Number of the last release of such an item. */
  released: number;
}

/** Allocates buffers and textures, and takes them back. */
export class Pool {
  /** Bytes of the largest tensor. */
  readonly maxBytes: number;
  /** Number of steps that have not ended. */
  steps = 0;
  readonly #device: GPUDevice;
  readonly #faults: Faults;
  readonly #freeBuffers = new Map<number, FreeList<Storage>>();
  readonly #freeTextures: Readonly<Record<TexelFormat, Map<number, FreeList<Texels>>>> = {
    rgba32float: new Map(),
    rgba16float: new Map(),
  };
  readonly #onDestroy: () => void;
  #nextId = 0;
  #bytes = 0;
  #buffers = 0;
  #freeBytes = 0;
  #peakBytes = 0;
  #releases = 0;

  /** `onDestroy` runs before a buffer or texture is destroyed: unsubmitted commands may name it. */
  constructor(device: GPUDevice, faults: Faults, onDestroy: () => void) {
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    this.maxBytes = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / 16) * 16;
    this.#device = device;
    this.#faults = faults;
    this.#onDestroy = onDestroy;
  }

  /** What is allocated now. */
  get use(): MemoryUse {
    return {
      bytes: this.#bytes,
      buffers: this.#buffers,
      freeBytes: this.#freeBytes,
      peakBytes: this.#peakBytes,
      steps: this.steps,
    };
  }

  /** A buffer of exactly `bytes` (rounded up to 16, so that kernels may read whole vec4s) for `shape`. */
  exact(bytes: number, shape: readonly number[]): Storage {
    const size = Math.ceil(bytes / 16) * 16;
    const storage = this.#storage(size, shape, () => {
      this.#count(size, -1);
      this.#destroy(storage);
    });
    this.#count(size, 1);
    return use(storage, bytes);
  }

  /** A buffer of the size class of `bytes` for a tensor of `shape`; its content is undefined. */
  pooled(bytes: number, shape: readonly number[]): Storage {
    const size = sizeClass(bytes, this.maxBytes), free = this.#freeBuffers;
    const storage: Storage = this.#take(free, size) ??
      this.#storage(size, shape, () => this.#recycle(free, size, storage));
    this.#count(size, 1);
    return use(storage, bytes);
  }

  /** A buffer for reading `size` bytes back; the caller destroys it. */
  staging(size: number, what: string): GPUBuffer {
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    return this.#allocate(size, what, () => this.#device.createBuffer({ size, usage }));
  }

  /** A texture for at least `bytes`; its content is undefined. */
  texels(bytes: number, format: TexelFormat = "rgba32float"): Texels {
    const rowBytes = TEXEL_BYTES[format] * TEXELS_A_ROW, rows = Math.ceil(bytes / rowBytes);
    const most = this.#device.limits.maxTextureDimension2D;
    if (rows > most) {
      throw new RangeError(
        `Cannot hold ${bytes} bytes as texels: a texture has at most ${most * rowBytes}`,
      );
    }
    const height = Math.min(quarters(rows), most), size = height * rowBytes;
    const free = this.#freeTextures[format];
    const texels = this.#take(free, size) ?? this.#texture(size, height, format);
    this.#count(size, 1);
    return texels;
  }

  #texture(size: number, height: number, format: TexelFormat): Texels {
    const texture = this.#allocate(size, "texels", () =>
      this.#device.createTexture({
        size: [TEXELS_A_ROW, height],
        format,
        usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
      }));
    const release = () => this.#recycle(this.#freeTextures[format], size, texels);
    const texels = { texture, format, view: texture.createView(), id: this.#nextId++, release };
    return texels;
  }

  /** Makes a buffer or texture of `size` bytes; an out-of-memory error is kept, and names `what`. */
  #allocate<T>(size: number, what: string, make: () => T): T {
    const before = this.use;
    const explain = (cause: GPUError) => {
      const asked = `asked for ${formatBytes(size)} (${what})`;
      return new OutOfMemoryError(`out of GPU memory: ${asked}, ${inWords(before)}`, { cause });
    };
    return this.#faults.watch("out-of-memory", make, explain);
  }

  #storage(size: number, shape: readonly number[], release: () => void): Storage {
    const device = this.#device, { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const what = `a tensor [${shape}]`;
    const usage = STORAGE | COPY_DST | COPY_SRC;
    return {
      buffer: this.#allocate(size, what, () => device.createBuffer({ size, usage })),
      device,
      usedBytes: 0,
      idLimit: Infinity,
      id: this.#nextId++,
      references: 0,
      usedIn: -1,
      writtenBy: 0,
      version: 0,
      pending: new Set(),
      copies: [],
      release,
    };
  }

  /** A free item of `bytes`, if there is one. */
  #take<T>(free: Map<number, FreeList<T>>, bytes: number): T | undefined {
    const item = free.get(bytes)?.items.pop();
    if (item) this.#freeBytes -= bytes;
    return item;
  }

  #recycle<T extends Storage | Texels>(
    free: Map<number, FreeList<T>>,
    bytes: number,
    item: T,
  ): void {
    this.#count(bytes, -1);
    this.#releases++;
    const list = free.get(bytes) ?? { bytes, items: [], released: 0 };
    list.released = this.#releases;
    if (this.#freeBytes + bytes > MAX_FREE_BYTES) this.#destroyStale();
    if (this.#freeBytes + bytes > MAX_FREE_BYTES) return this.#destroy(item);
    const { items } = list;
    let at = items.length;
    while (at > 0 && items[at - 1]!.id < item.id) at--;
    items.splice(at, 0, item);
    free.set(bytes, list);
    this.#freeBytes += bytes;
  }

  /** Destroys free items of sizes that are no longer used, such as those of an evaluation. */
  #destroyStale(): void {
    for (const free of [this.#freeBuffers, ...Object.values(this.#freeTextures)]) {
      for (const { bytes, items, released } of free.values()) {
        if (this.#releases - released <= STALE_AFTER) continue;
        for (const item of items) this.#destroy(item);
        this.#freeBytes -= bytes * items.length;
        free.delete(bytes);
      }
    }
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

/** How much memory is held, and whether steps that nobody has ended may hold it. */
export function inWords({ bytes, freeBytes, steps }: MemoryUse): string {
  const free = freeBytes > 0 ? `, and ${formatBytes(freeBytes)} for reuse` : "";
  const open = steps > 1 ? ` (${steps} steps have not ended: using step = gpu.step())` : "";
  return `held ${formatBytes(bytes)}${free}${open}`;
}

/** Bytes with three digits, such as "1.2 GB". */
function formatBytes(bytes: number): string {
  const steps = bytes < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const unit = ["byte", "kilobyte", "megabyte", "gigabyte"][steps]!;
  const style = { style: "unit", unit, maximumSignificantDigits: 3 } as const;
  return (bytes / 1000 ** steps).toLocaleString("en", style);
}

/** The storage, with `bytes` in use and its content unknown. */
function use(storage: Storage, bytes: number): Storage {
  storage.usedBytes = bytes;
  storage.idLimit = Infinity;
  return storage;
}
