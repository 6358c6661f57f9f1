/** Tensors: a shape and an element type over a GPU buffer that has exactly one owner. */

/** Element type of a tensor: 32-bit floats, or unsigned integers for ids. */
export type DType = "f32" | "u32";

/** The typed array that holds a tensor's elements on the CPU. */
export type TensorData = Float32Array | Uint32Array;

/** Updates of a table's rows that wait until the rows are read. */
export interface PendingUpdates {
  /** Brings the rows `ids` up to date. */
  catchUp(ids: Tensor): void;
  /** Brings all rows up to date. */
  flush(): void;
}

/** A copy of floats in a texture, four to a texel: texels.wgsl says how. */
export interface Texels {
  /** The texture, of {@linkcode TEXELS_A_ROW} texels a row. */
  readonly texture: GPUTexture;
  /** The whole of it. */
  readonly view: GPUTextureView;
  /** A number that no other texture has: part of the bind group cache's key. */
  readonly id: number;
  /** Gives the texture back to the pool. */
  release(): void;
}

/** Texels in a row of a texture: a power of two, and so many that a large table does not take too many rows. */
export const TEXELS_A_ROW = 4096;

/** A part of a buffer, and the texels that hold the same. */
export interface TexelCopy {
  /** The copy. */
  readonly texels: Texels;
  /** The first byte in the buffer. */
  readonly offset: number;
  /** Bytes of the part. */
  readonly bytes: number;
}

/** A GPU buffer and what happens to it when its last tensor is disposed. */
export interface Storage {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** A number that no other live or dead storage has: part of the bind group cache's key. */
  readonly id: number;
  /** Tensors (views included) that use the storage. */
  references: number;
  /** Serial number of the last command encoder that names the buffer. */
  usedIn: number;
  /** How often the buffer's content has changed. */
  version: number;
  /** What has to be done before the buffer is used. */
  pending?: PendingUpdates;
  /** Parts of which there are copies in textures, the last used last, until the buffer is written to. */
  readonly copies: TexelCopy[];
  /** Gives the buffer back: to the pool, or to the device. */
  release(): void;
}

/** The buffer is about to change: counts that, and gives up the copies in textures. */
export function willChange(storage: Storage): void {
  storage.version++;
  dropTexels(storage);
}

function dropTexels({ copies }: Storage): void {
  for (const { texels } of copies) texels.release();
  copies.length = 0;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, 1);
}

/** Thrown when a disposed tensor is used. */
export class UseAfterDisposeError extends Error {
  /** Names the tensor by its shape. */
  constructor(tensor: Tensor) {
    super(`Cannot use a tensor [${tensor.shape}] after its owner has disposed of it`);
    this.name = "UseAfterDisposeError";
  }
}

/**
 * A dense row-major array on the GPU.
 *
 * Made by a {@linkcode Gpu} (then its maker disposes of it) or by a {@linkcode Step} (then it ends
 * with the step).
 */
export class Tensor implements Disposable {
  /** Sizes of the dimensions, slowest first. */
  readonly shape: readonly number[];
  /** Element type. */
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  /** Byte offset of the first element in the storage's buffer. */
  readonly offset: number;
  /** Whether {@linkcode Step.backward} computes a gradient for this tensor. */
  requiresGrad = false;
  /** For ids: all are below this number, as far as is known. */
  bound = 0;
  readonly #storage: Storage;
  #disposed = false;

  /** Used by the GPU layer; takes one reference on `storage`. */
  constructor(storage: Storage, shape: readonly number[], dtype: DType, offset = 0) {
    this.#storage = storage;
    this.shape = [...shape];
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.offset = offset;
    storage.references++;
  }

  /** The storage; throws {@linkcode UseAfterDisposeError} once disposed. */
  get storage(): Storage {
    if (this.#disposed) throw new UseAfterDisposeError(this);
    return this.#storage;
  }

  /** Bytes of the elements. */
  get bytes(): number {
    return this.size * 4;
  }

  /** Whether {@linkcode dispose} was called. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** The same elements under another shape; shares the storage. Throws a TypeError if sizes differ. */
  reshape(shape: readonly number[]): Tensor {
    if (sizeOf(shape) !== this.size) {
      throw new TypeError(`Cannot reshape [${this.shape}] to [${shape}]: sizes differ`);
    }
    const same = new Tensor(this.storage, shape, this.dtype, this.offset);
    same.bound = this.bound;
    return same;
  }

  /**
   * Rows `start` to `start + count` of the first dimension; shares the storage.
   *
   * The first byte must lie on a multiple of 256 (a storage binding's alignment): RangeError.
   */
  rows(start: number, count: number): Tensor {
    const rowSize = this.size / this.shape[0]!;
    const offset = this.offset + start * rowSize * 4;
    if (offset % 256 !== 0 || start < 0 || start + count > this.shape[0]!) {
      throw new RangeError(`Cannot view rows ${start} to ${start + count} of [${this.shape}]`);
    }
    const view = new Tensor(this.storage, [count, ...this.shape.slice(1)], this.dtype, offset);
    view.bound = this.bound;
    return view;
  }

  /** Ends the tensor; its buffer is given back with the last tensor that shares it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (--this.#storage.references > 0) return;
    dropTexels(this.#storage);
    this.#storage.release();
  }

  /** The same as {@linkcode dispose}: `using tensor = gpu.temporary(shape)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Throws a TypeError that names `op` and both shapes unless `tensor` has this shape and type. */
export function expectShape(
  op: string,
  name: string,
  tensor: Tensor,
  shape: readonly number[],
  dtype: DType = "f32",
): void {
  const same = tensor.shape.length === shape.length && tensor.shape.every((n, i) => n === shape[i]);
  if (!same || tensor.dtype !== dtype) {
    throw new TypeError(
      `Cannot run ${op}: ${name} is ${tensor.dtype} [${tensor.shape}], expected ${dtype} [${shape}]`,
    );
  }
}
