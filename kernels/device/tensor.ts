/** Tensors: a shape and an element type over a GPU buffer. */

import { type DType, elementBytes, sizeOf } from "./dtype.ts";
import { expectPositive, expectSizes, failInParts, madeByNew, show } from "./expect.ts";
import { UseAfterDisposeError } from "./faults.ts";
import type { TableShard } from "./shard.ts";
import { dropTexels, type TexelCopy } from "./texels.ts";

/** Updates of a table's rows that are deferred until the rows are read. */
export interface PendingUpdates {
  /** Brings the rows `ids` of `view` up to date, which lies in the table's buffers. */
  catchUp(view: Tensor, ids: Tensor): void;
  /** Brings all rows up to date. */
  flush(): void;
}

/** A GPU buffer that tensors share, and what is known of its content. */
export interface Storage {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** The buffer's device. */
  readonly device: GPUDevice;
  /** Bytes of the buffer that tensors use. */
  usedBytes: number;
  /** For ids: all are below this number; Infinity if that is not known. */
  idLimit: number;
  /** A number that no other live or dead storage has: part of the bind group cache's key. */
  readonly id: number;
  /** Tensors (views included) that use the storage. */
  references: number;
  /** Serial number of the last command encoder that names the buffer. */
  usedIn: number;
  /** Number of the last launch that writes to the buffer. */
  writtenBy: number;
  /** How often the buffer's content has changed. */
  version: number;
  /** Updates that must be applied before the buffer is used, of each table in it. */
  readonly pending: Set<PendingUpdates>;
  /** Copies of parts in textures, the last used last; dropped when the buffer is written to. */
  readonly copies: TexelCopy[];
  /** Gives the buffer back: to the pool, or to the device. */
  release(): void;
}

/**
 * Called before `bytes` of `tensor` change: counts the change and drops the copies in textures. Ids that are
 * written are below `idLimit`.
 */
export function willChange(tensor: Tensor, bytes: number, idLimit: number): void {
  const storage = storageIn(tensor), all = bytes === storage.usedBytes;
  storage.version++;
  storage.idLimit = all ? idLimit : Math.max(storage.idLimit, idLimit);
  dropTexels(storage);
}

// Functions that may look inside a tensor: its class defines them, kernels use them, users never meet them.

/**
 * The storage of a tensor; throws {@linkcode UseAfterDisposeError} once disposed, and a TypeError for a table
 * in parts.
 */
export let storageIn: (tensor: Tensor) => Storage;
/** The parts of a table, rows one after another; any other tensor is its only part. */
export let partsOf: (tensor: Tensor) => readonly Tensor[];
/** A table of this shape whose rows lie in `parts`, which end with it. */
export let makeTable: (parts: readonly Tensor[], shape: readonly number[]) => Tensor;
/** Where the first element lies in the storage's buffer, in bytes. */
export let offsetOf: (tensor: Tensor) => number;
/** Whether a tensor is read as it lies, though updates of it are deferred. */
export let isAsItLies: (tensor: Tensor) => boolean;
/** A tensor over a part of `storage`, on which it takes one reference; `asItLies` makes it such a view. */
export let makeTensor: (
  storage: Storage,
  shape: readonly number[],
  dtype: DType,
  offset?: number,
  asItLies?: boolean,
) => Tensor;

/**
 * A dense row-major array on the GPU. A table from {@linkcode Device.table} may lie in several buffers: look-ups,
 * scorers of all classes, dropout, sums and optimizers take it, and other operations throw a TypeError.
 *
 * A tensor from a {@linkcode Gpu} belongs to the caller, who disposes of it; one from a {@linkcode Step}
 * ends with the step. Of ids that a kernel wrote, set {@linkcode idLimit}.
 */
export class Tensor implements Disposable {
  /** As a gradient, a tensor has a value for every element. */
  readonly kind = "dense" as const;
  /** Sizes of the dimensions, slowest first. */
  readonly shape: readonly number[];
  /** Element type. */
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  /** Whether {@linkcode Step.backward} computes a gradient for this tensor. */
  requiresGrad = false;
  /** Of a table that is divided among ranks: which of its rows these are. A step has to fetch the others. */
  shard?: TableShard;
  readonly #storage: Storage | undefined;
  readonly #parts: readonly Tensor[];
  readonly #offset: number;
  readonly #asItLies: boolean;
  #disposed = false;

  private constructor(
    content: Storage | readonly Tensor[],
    shape: readonly number[],
    dtype: DType,
    offset: number,
    asItLies = false,
  ) {
    if (dtype === undefined) throw madeByNew("a Tensor", "gpu.tensor() or step.upload()");
    this.shape = [...shape];
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.#offset = offset;
    this.#asItLies = asItLies;
    this.#storage = "buffer" in content ? content : undefined;
    this.#parts = "buffer" in content ? [this] : content;
    if (this.#storage) this.#storage.references++;
  }

  static {
    storageIn = (tensor) => {
      if (tensor.#disposed) throw new UseAfterDisposeError(tensor);
      return tensor.#storage ??
        failInParts("use it as one tensor", tensor.shape, tensor.#parts.length);
    };
    partsOf = (tensor) => {
      if (tensor.#disposed) throw new UseAfterDisposeError(tensor);
      return tensor.#parts;
    };
    offsetOf = (tensor) => tensor.#offset;
    isAsItLies = (tensor) => tensor.#asItLies;
    makeTensor = (storage, shape, dtype, offset = 0, asItLies = false) =>
      new Tensor(storage, shape, dtype, offset, asItLies);
    makeTable = (parts, shape) => new Tensor(parts, shape, parts[0]!.dtype, 0);
  }

  /**
   * For ids: all are below this number, which operations compare with the number of rows. It is known for
   * ids that were written from the CPU, and for copies of them. Where a kernel wrote the ids, or nobody did,
   * it is Infinity, and operations refuse them until it is set. Tensors that share a buffer share it.
   */
  get idLimit(): number {
    return Math.max(...partsOf(this).map((part) => storageIn(part).idLimit));
  }

  /** Throws a RangeError unless it is a positive integer. */
  set idLimit(limit: number) {
    expectPositive("use a tensor", "idLimit", limit);
    for (const part of partsOf(this)) storageIn(part).idLimit = limit;
  }

  /** Bytes of the elements. */
  get bytes(): number {
    return this.size * elementBytes(this.dtype);
  }

  /** Whether {@linkcode dispose} was called. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** The same elements under another shape; shares the storage. Throws a TypeError if sizes differ. */
  reshape(shape: readonly number[]): Tensor {
    expectSizes("reshape a tensor to", shape);
    if (sizeOf(shape) !== this.size) {
      throw new TypeError(`Cannot reshape [${this.shape}] to [${shape}]: sizes differ`);
    }
    return new Tensor(storageIn(this), shape, this.dtype, this.#offset, this.#asItLies);
  }

  /**
   * Indices `start` to `start + count` of the first dimension; shares the storage.
   *
   * Throws a RangeError unless the first byte is a multiple of 256, the alignment of a storage binding.
   */
  slice(start: number, count: number): Tensor {
    const inside = Number.isSafeInteger(start) && Number.isSafeInteger(count) &&
      start >= 0 && count > 0 && start + count <= this.shape[0]!;
    const offset = this.#offset + start * this.bytes / this.shape[0]!;
    if (!inside || offset % 256 !== 0) {
      const why = inside ? `: it would begin at byte ${offset}, no multiple of 256` : "";
      throw new RangeError(`Cannot slice [${this.shape}] from ${start} to ${start + count}${why}`);
    }
    if (this.#parts.length > 1) return this.#sliceOfParts(start, count);
    const shape = [count, ...this.shape.slice(1)];
    return new Tensor(storageIn(this), shape, this.dtype, offset, this.#asItLies);
  }

  /** The same of a table in parts, as one if a part has all of it. */
  #sliceOfParts(start: number, count: number): Tensor {
    const slices: Tensor[] = [];
    let first = 0;
    for (const part of partsOf(this)) {
      const from = Math.max(0, start - first), to = Math.min(part.shape[0]!, start + count - first);
      if (from < to) slices.push(part.slice(from, to - from));
      first += part.shape[0]!;
    }
    return slices.length === 1 ? slices[0]! : makeTable(slices, [count, ...this.shape.slice(1)]);
  }

  /** Ends the tensor; the buffer is released with the last tensor that shares it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#storage) return this.#parts.forEach((part) => part.dispose());
    if (--this.#storage.references > 0) return;
    dropTexels(this.#storage);
    this.#storage.release();
  }

  /** The same as {@linkcode dispose}: `using tensor = gpu.temporary(shape)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The parts of `tensor`; throws a TypeError unless it is a tensor of `device`. */
export function partsOn(doing: string, tensor: Tensor, device: GPUDevice): readonly Tensor[] {
  if (!(tensor instanceof Tensor)) {
    throw new TypeError(`Cannot ${doing}: ${show(tensor)} is no tensor`);
  }
  const parts = partsOf(tensor);
  if (storageIn(parts[0]!).device === device) return parts;
  throw new TypeError(`Cannot ${doing}: a tensor [${tensor.shape}] belongs to another Gpu`);
}

/** The storage of `tensor`; throws a TypeError unless it is a tensor of `device` in one buffer. */
export function storageOf(doing: string, tensor: Tensor, device: GPUDevice): Storage {
  const parts = partsOn(doing, tensor, device);
  return parts.length === 1 ? storageIn(tensor) : failInParts(doing, tensor.shape, parts.length);
}

/** Throws a TypeError unless `tensor` is a tensor; `what` is its name. */
export function expectTensor(op: string, what: string, tensor: unknown): asserts tensor is Tensor {
  if (tensor instanceof Tensor) return;
  throw new TypeError(`Cannot run ${op}: ${what} is ${show(tensor)}, not a tensor`);
}

/** Throws a TypeError unless `step` is a step. */
export function expectStep(
  op: string,
  step: { readonly gpu: unknown; readonly record: unknown },
): void {
  if (step?.gpu && step.record) return;
  throw new TypeError(`Cannot run ${op}: step is ${show(step)}, not a Step (gpu.step())`);
}

/** Throws a TypeError unless `step` is a step, and each of the named `tensors` holds 32-bit floats. */
export function expectFloats(
  op: string,
  step: Parameters<typeof expectStep>[1],
  tensors: Readonly<Record<string, unknown>>,
): void {
  expectStep(op, step);
  for (const name in tensors) {
    const tensor = tensors[name];
    expectTensor(op, name, tensor);
    if (tensor.dtype === "f32") continue;
    const found = `${tensor.dtype} [${tensor.shape}]`;
    throw new TypeError(`Cannot run ${op}: ${name} is ${found}, expected 32-bit floats`);
  }
}

/** Throws a TypeError that names `op` and both shapes unless `tensor` has this type and shape, of known sizes. */
export function expectShape(
  op: string,
  name: string,
  tensor: Tensor,
  shape: readonly number[],
  dtype: DType = "f32",
): void {
  expectTensor(op, name, tensor);
  const dimensions = shape.length, sameNumber = tensor.shape.length === dimensions;
  if (sameNumber && tensor.dtype === dtype && tensor.shape.every((n, i) => n === shape[i])) return;
  const sizes = `[${shape.map((size) => size || "any")}]`;
  const expected = sameNumber ? sizes : `of ${dimensions} dimensions, as ${sizes}`;
  const found = `${tensor.dtype} [${tensor.shape}]`;
  throw new TypeError(`Cannot run ${op}: ${name} is ${found}, expected ${dtype} ${expected}`);
}

/**
 * Throws unless `ids` are ids below `rows`: a TypeError if they are floats, a RangeError if one may be too
 * large.
 */
export function expectIds(op: string, ids: Tensor, rows: number, name = "ids"): void {
  expectTensor(op, name, ids);
  const { idLimit, shape, dtype } = ids, what = `Cannot run ${op}: ${name} [${shape}]`;
  if (dtype !== "u32") throw new TypeError(`${what} are floats, not ids (Uint32Array)`);
  if (idLimit <= rows) return;
  throw new RangeError(
    idLimit === Infinity
      ? `${what} were not written from the CPU; set their idLimit to a number that all are below`
      : `${what} may be up to ${idLimit - 1}, which is out of range (0 to ${rows - 1})`,
  );
}
