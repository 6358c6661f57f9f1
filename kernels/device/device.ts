/** The device: memory, launches, recorded commands, read-back and errors. */

import type { AdapterOptions, Backend, Compute, KernelFamily, Opened } from "./adapter.ts";
import { Commands } from "./commands.ts";
import { expectOneOf, expectSizes, madeByNew } from "./expect.ts";
import { Faults } from "./faults.ts";
import { type CopyOptions, copyRanges } from "./copy.ts";
import {
  type DType,
  DTYPES,
  elementBytes,
  expectFits,
  expectWritable,
  sizeOf,
  storedAs,
  type TableDType,
  tensorBytes,
  type TensorData,
} from "./dtype.ts";
import {
  bindingCounts,
  expectBindings,
  foldGrid,
  type Launch,
  type TexelLaunch,
} from "./launch.ts";
import { PipelineCache } from "./pipelines.ts";
import { inWords, type MemoryUse, Pool } from "./memory.ts";
import { partShapes, smallestPart } from "./parts.ts";
import { catchUp } from "./pending.ts";
import {
  makeTable,
  makeTensor,
  partsOf,
  partsOn,
  storageIn,
  type Tensor,
  willChange,
} from "./tensor.ts";
import { clearParts, copyParts, readParts, writeParts } from "./transfers.ts";
import { checkedTuning, FIXED_TUNING, type Tuning } from "./tuning.ts";
import { copyOf } from "./texel_copies.ts";
import { TexelTensor } from "./texel_tensor.ts";

// What steps and kernels on software adapters use, and users never meet; the class defines it.

/** What a device consists of. */
export let insideOf: (gpu: Device) => { pool: Pool; commands: Commands; faults: Faults };

/** {@linkcode Device.dispatch} of a launch that may read and write texels. */
export function dispatchTexels(gpu: Device, launch: TexelLaunch): void {
  gpu.dispatch(launch);
}

const devices = new WeakMap<GPUDevice, Device>();

/** The device on which `tensor` lies. */
export function deviceOf(tensor: Tensor): Device {
  return devices.get(storageIn(partsOf(tensor)[0]!).device)!;
}

/** {@linkcode Device.heldBytes} by family. */
const HELD_BYTES = { software: 64 * 2 ** 20, hardware: 512 * 2 ** 20 };

/** A WebGPU device with everything that kernels need, below steps and gradients. */
export class Device implements AsyncDisposable {
  /** The adapter's name. */
  readonly name: string;
  /** Whether the adapter is a program on the CPU. */
  readonly software: boolean;
  /** The API below WebGPU; {@linkcode Backend} says why it matters on Linux. */
  readonly backend: Backend;
  /** Which kernels are used. */
  readonly family: KernelFamily;
  /** In what products of layers read their weights: {@linkcode AdapterOptions.compute}. */
  readonly compute: Compute;
  /** Lanes of a subgroup if subgroup operations can be used, else 0. */
  readonly subgroupSize: number;
  /** Threads that share a row in row-wise sums: barriers are expensive on a software adapter. */
  readonly rowThreads: number;
  /** The underlying device. */
  readonly device: GPUDevice;
  readonly #maxPartBytes: number;
  readonly #maxWorkgroups: number;
  readonly #pool: Pool;
  readonly #pipelines: PipelineCache;
  readonly #commands: Commands;
  readonly #faults: Faults;
  #tuning = FIXED_TUNING;

  /** Used by {@linkcode Gpu.create}. */
  protected constructor(opened: Opened, options: AdapterOptions, subgroupSize: number) {
    if (!opened) throw madeByNew("a Gpu", "await Gpu.create()");
    const { device, subgroupHeader } = opened;
    this.device = device;
    devices.set(device, this);
    this.name = opened.name;
    this.software = opened.software;
    this.backend = opened.backend;
    this.family = options.family ?? (opened.software ? "software" : "hardware");
    this.compute = options.compute ?? "f32";
    this.subgroupSize = subgroupSize;
    this.rowThreads = this.family === "software" ? Math.max(8, subgroupSize) : 64;
    this.#faults = new Faults(device, () => inWords(this.memory));
    this.#commands = new Commands(device);
    this.#pool = new Pool(device, this.#faults, () => {
      this.submit(); // what is recorded may name the buffer
      this.#commands.forgetBuffers();
    });
    this.#maxWorkgroups = device.limits.maxComputeWorkgroupsPerDimension;
    this.#maxPartBytes = Math.min(options.maxBindingBytes ?? Infinity, this.#pool.maxBytes);
    const { uniformLayout } = this.#commands;
    this.#pipelines = new PipelineCache(device, this.#faults, uniformLayout, subgroupHeader);
  }

  static {
    insideOf = (gpu) => ({ pool: gpu.#pool, commands: gpu.#commands, faults: gpu.#faults });
  }

  /** What is allocated now. */
  get memory(): MemoryUse {
    return this.#pool.use;
  }

  /** Which variants kernels for GPUs take: the fixed ones unless set, as to what {@linkcode tune} finds. */
  get tuning(): Tuning {
    return this.#tuning;
  }
  set tuning(tuning: Tuning) {
    this.#tuning = checkedTuning(tuning);
  }

  /** Bytes of the largest tensor: what one storage binding of the device holds. */
  get maxTensorBytes(): number {
    return this.#pool.maxBytes;
  }

  /**
   * Bytes of a weight's gradient, and of scores at a time, that the exact loss of a linear layer holds: 64 MiB, on
   * GPUs 512 MiB or what one tensor can have. With a whole gradient up to 512 MiB of scores are kept all the same.
   */
  get heldBytes(): number {
    return Math.min(HELD_BYTES[this.family], this.maxTensorBytes);
  }

  /** Whether nothing has gone wrong so far, and the device was not disposed of. */
  get working(): boolean {
    return this.#faults.none;
  }

  /**
   * A new tensor, zero or filled with `data`; the caller disposes of it.
   *
   * @throws {RangeError} If it is larger than one storage binding of the device.
   * @throws {TypeError} If `data` is neither a Float32Array nor a Uint32Array, or has another size.
   */
  tensor(shape: readonly number[], data?: TensorData): Tensor {
    this.expectFitting(shape);
    return this.#exact(shape, storedAs(`a tensor [${shape}]`, shape, data), data);
  }

  /**
   * A new table of any size, zero or filled with `data`: a tensor whose rows (the first dimension) may lie in
   * several buffers, as many as the device's bindings make necessary. The caller disposes of it.
   * With `dtype` f16 it stores 16-bit floats, an even number a row, which are written and read as 32-bit ones:
   * look-ups, scorers of all classes, dropout, sums and optimizers take it, and others throw a TypeError.
   *
   * @throws {RangeError} If 64 rows are larger than one storage binding of the device, or `dtype` does not fit.
   * @throws {TypeError} As {@linkcode tensor}.
   */
  table(shape: readonly number[], data?: TensorData, dtype?: TableDType): Tensor {
    expectSizes("make a table", shape);
    this.expectFitting(smallestPart(shape));
    const stored = storedAs(`a table [${shape}]`, shape, data, dtype);
    let at = 0;
    const parts = partShapes(shape, this.#maxPartBytes);
    const made = parts.map((p) => this.#exact(p, stored, data?.subarray(at, at += sizeOf(p))));
    return made.length === 1 ? made[0]! : makeTable(made, shape);
  }

  /** A pooled tensor with undefined content; `dispose` gives it back to the pool. */
  temporary(shape: readonly number[], dtype: DType = "f32"): Tensor {
    this.expectFitting(shape);
    expectOneOf("make a tensor", "dtype", dtype, DTYPES);
    return makeTensor(this.#pool.pooled(sizeOf(shape) * elementBytes(dtype), shape), shape, dtype);
  }

  /** Throws the RangeError of {@linkcode tensor} for the first of `shapes` that cannot be made. */
  expectFitting(...shapes: readonly (readonly number[])[]): void {
    this.#faults.expectNone("tensor");
    for (const shape of shapes) expectFits(shape, this);
  }

  /**
   * Copies `data` into `tensor`. Throws a TypeError if type or size differ. A table of 16-bit floats takes 32-bit
   * ones, and rounds them to the nearest, ties to even: 65,520 and more to infinity.
   */
  write(tensor: Tensor, data: TensorData): void {
    this.#faults.expectNone("write");
    const parts = partsOn("write", tensor, this.device);
    expectWritable(tensor, data);
    writeParts(this.#commands, parts, data);
  }

  /** Records a kernel's run, or its `runs`. Throws the error that the GPU has reported, if any. */
  dispatch(launch: Launch): void {
    expectBindings(launch, this.device);
    this.#faults.begin(launch.label);
    const grid = foldGrid(launch, this.#maxWorkgroups);
    catchUp(launch);
    const { inputs, outputs, texels = [], texelsOut }: TexelLaunch = launch;
    const read = texels.map((floats) =>
      floats instanceof TexelTensor ? floats.texels : copyOf(floats, this.#pool, this.#commands)
    );
    const textures = texelsOut ? [...read, texelsOut.texels] : read;
    for (const tensor of outputs) willChange(tensor, tensor.bytes, Infinity);
    const kernel = this.#pipelines.get(launch, bindingCounts(launch, read));
    this.#commands.dispatch(launch, kernel, inputs.concat(outputs), textures, grid);
  }

  /**
   * Copies elements of `from`, from element `fromStart` on, to `to`, from element `toStart` on: as
   * many as fit both unless `count` is given.
   */
  copy(from: Tensor, to: Tensor, options: CopyOptions = {}): void {
    this.#faults.begin("copy");
    copyParts(this.#commands, copyRanges(from, to, options, this.device));
  }

  /** Fills a tensor with zero bits. */
  clear(tensor: Tensor): void {
    this.#faults.begin("clear");
    clearParts(this.#commands, partsOn("clear", tensor, this.device));
  }

  /** Submits what is recorded; after an error it is dropped instead. */
  submit(): void {
    if (this.working) this.#commands.submit();
    else this.#commands.discard();
  }

  /** The elements of `tensor`, once they are computed. Throws the error of an earlier operation. */
  async read(tensor: Tensor): Promise<TensorData> {
    this.#faults.begin("read");
    const parts = partsOn("read", tensor, this.device);
    return await readParts(this.#pool, this.#commands, this.#faults, parts);
  }

  /** The elements of a float tensor; see {@linkcode read}. */
  async readFloats(tensor: Tensor): Promise<Float32Array> {
    const data = await this.read(tensor);
    if (data instanceof Float32Array) return data;
    throw new TypeError("Cannot read ids as floats");
  }

  /**
   * Resolves when the GPU is not far behind, some 250 ms or one step; call it once a step in a long loop. Throws
   * the error of an earlier operation, such as a kernel that does not compile.
   */
  async keepUp(): Promise<void> {
    this.submit();
    await this.#faults.wait("step", () => this.#commands.keepUp());
  }

  /** Resolves when everything recorded has run. Throws the error of an earlier operation. */
  async finish(): Promise<void> {
    this.submit();
    await this.#faults.wait("finish", () => this.device.queue.onSubmittedWorkDone());
  }

  /**
   * Destroys the device and everything on it: `await using gpu = await Gpu.create()`. It never throws, and
   * does not wait for a lost device.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#faults.end();
  }

  #exact(shape: readonly number[], dtype: DType, data: TensorData | undefined): Tensor {
    const tensor = makeTensor(this.#pool.exact(tensorBytes(shape, dtype), shape), shape, dtype);
    if (data) this.write(tensor, data);
    return tensor;
  }
}
