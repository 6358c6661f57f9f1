/** The device: memory, launches, one-pass command recording, read-back, and errors that surface. */

import type { AdapterOptions, Backend, KernelFamily, Opened } from "./adapter.ts";
import { openAdapter } from "./adapter.ts";
import { Commands } from "./commands.ts";
import { checkBindings, foldGrid, type Launch } from "./launch.ts";
import { PipelineCache } from "./pipelines.ts";
import { type MemoryUse, Pool } from "./pool.ts";
import type { Profile } from "./profile.ts";
import { Step, type StepOptions } from "./step.ts";
import { measureSubgroup } from "./subgroups.ts";
import { type DType, sizeOf, Tensor, type TensorData, type Texels, willChange } from "./tensor.ts";

/** Copies of a buffer's parts at a time: a launch may read two. */
const MOST_COPIES = 2;

/** Thrown when the GPU reports an error outside of a call, or is lost. */
export class DeviceError extends Error {
  /** Names the operation that was last recorded. */
  constructor(op: string, reason: string) {
    super(`GPU error at or before ${op}: ${reason}`);
    this.name = "DeviceError";
  }
}

/** A WebGPU device with everything that the kernels need. */
export class Gpu implements AsyncDisposable {
  /** The adapter's name. */
  readonly name: string;
  /** Whether the adapter is a program on the CPU. */
  readonly software: boolean;
  /** The API below WebGPU: on Linux look at it, as {@linkcode Backend} says. */
  readonly backend: Backend;
  /** Which matmul and recurrent kernels are used. */
  readonly family: KernelFamily;
  /** Lanes of a subgroup if subgroup operations can be used, else 0. */
  readonly subgroupSize: number;
  /** Threads that share a row in row-wise sums: barriers are dear on a software adapter. */
  readonly rowLanes: number;
  /** The underlying device. */
  readonly device: GPUDevice;
  readonly #pool: Pool;
  readonly #pipelines: PipelineCache;
  readonly #commands: Commands;
  #error: Error | undefined;
  #lastOp = "start";
  #nextStream = 0;
  #disposed = false;

  private constructor(opened: Opened, options: AdapterOptions, subgroupSize: number) {
    const { device } = opened;
    this.device = device;
    this.name = opened.name;
    this.software = opened.software;
    this.backend = opened.backend;
    this.family = options.family ?? (opened.software ? "direct" : "tiled");
    this.subgroupSize = subgroupSize;
    this.rowLanes = opened.software ? Math.max(8, subgroupSize) : 64;
    this.#commands = new Commands(device, opened.timestamps);
    this.#pool = new Pool(device, () => this.#commands.forgetBuffers());
    this.#pipelines = new PipelineCache(
      device,
      this.#commands.uniformLayout,
      opened.subgroupHeader,
    );
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#fail((event as GPUUncapturedErrorEvent).error.message);
    });
    device.lost.then((info) => {
      if (!this.#disposed) this.#fail(`device lost: ${info.message || info.reason}`);
    });
  }

  /**
   * Opens the best adapter: hardware before software, and Vulkan before OpenGL among equals.
   *
   * @throws {NoAdapterError} If there is none, or none in hardware although `hardware` is set.
   */
  static async create(options: AdapterOptions = {}): Promise<Gpu> {
    const opened = await openAdapter(options);
    const size = opened.subgroups ? await measureSubgroup(opened) : 0;
    return new Gpu(opened, options, size);
  }

  /** What is allocated now. */
  get memory(): MemoryUse {
    return this.#pool.use;
  }

  /** A new number for a consumer of random numbers; equal from run to run by order of construction. */
  nextStream(): number {
    return this.#nextStream++;
  }

  /** Begins a step: the owner of everything that is computed within it. */
  step(options: StepOptions = {}): Step {
    this.#check("step");
    return new Step(this, options);
  }

  /**
   * A tensor of its own, zero or filled with `data`; its maker disposes of it.
   *
   * @throws {RangeError} If it is larger than one storage binding of the device.
   */
  tensor(shape: readonly number[], data?: TensorData): Tensor {
    this.#checkSize(shape);
    const dtype = data instanceof Uint32Array ? "u32" : "f32";
    const tensor = new Tensor(this.#pool.exact(sizeOf(shape) * 4), shape, dtype);
    if (data) this.write(tensor, data);
    return tensor;
  }

  /** A pooled tensor with undefined content; `dispose` gives it back to the pool. */
  temporary(shape: readonly number[], dtype: DType = "f32"): Tensor {
    this.#checkSize(shape);
    return new Tensor(this.#pool.pooled(sizeOf(shape) * 4), shape, dtype);
  }

  /** Copies `data` into `tensor`. Throws a TypeError if type or size differ. */
  write(tensor: Tensor, data: TensorData): void {
    this.#expectAlive("write");
    const dtype = data instanceof Uint32Array ? "u32" : "f32";
    if (data.length !== tensor.size || dtype !== tensor.dtype) {
      const got = `${dtype} [${data.length}]`;
      throw new TypeError(`Cannot write ${got} to ${tensor.dtype} [${tensor.shape}]`);
    }
    const { storage } = tensor;
    storage.pending?.flush();
    willChange(storage);
    // A queue write runs before commands that are not submitted yet: they must go first.
    if (storage.usedIn === this.#commands.serial) this.#commands.submit();
    this.device.queue.writeBuffer(storage.buffer, tensor.offset, data as BufferSource);
  }

  /** Records one kernel run. Throws what the GPU reported since the last call. */
  dispatch(launch: Launch): void {
    this.#check(launch.label);
    checkBindings(launch);
    for (const { storage: { pending } } of [...launch.inputs, ...launch.outputs]) {
      if (launch.rows === undefined) pending?.flush();
      else if (launch.rows !== "current") pending?.catchUp(launch.rows);
    }
    const { inputs, outputs, texels = [], texelsOut } = launch;
    const asTexels = texels.map((tensor) => this.#texels(tensor));
    if (texelsOut) asTexels.push(this.#texels(texelsOut));
    for (const { storage } of outputs) willChange(storage);
    const kernel = this.#pipelines.get(launch, {
      inputs: inputs.length,
      outputs: outputs.length,
      texels: texels.length,
      texelsOut: texelsOut ? 1 : 0,
    });
    this.#commands.dispatch(
      launch,
      kernel,
      [...inputs, ...outputs],
      asTexels,
      foldGrid(launch, this.device.limits.maxComputeWorkgroupsPerDimension),
    );
  }

  /**
   * Copies elements of `from`, from element `fromStart` on, to `to`, from element `toStart` on: as
   * many as fit both unless `count` is given.
   */
  copy(
    from: Tensor,
    to: Tensor,
    { fromStart = 0, toStart = 0, count = Math.min(from.size - fromStart, to.size - toStart) } = {},
  ): void {
    this.#check("copy");
    const inside = fromStart >= 0 && toStart >= 0 && count > 0 &&
      fromStart + count <= from.size && toStart + count <= to.size;
    if (!inside || from.dtype !== to.dtype) {
      throw new TypeError(
        `Cannot copy ${count} elements of ${from.dtype} [${from.shape}] from ${fromStart} ` +
          `to ${to.dtype} [${to.shape}] at ${toStart}`,
      );
    }
    for (const { storage } of [from, to]) storage.pending?.flush();
    willChange(to.storage);
    const fromByte = from.offset + 4 * fromStart, toByte = to.offset + 4 * toStart;
    this.#commands.copy(from.storage, fromByte, to.storage, toByte, 4 * count);
  }

  /** Fills a tensor with zero bits. */
  clear(tensor: Tensor): void {
    this.#check("clear");
    tensor.storage.pending?.flush();
    willChange(tensor.storage);
    this.#commands.clear(tensor.storage, tensor.offset, tensor.bytes);
  }

  /** Submits what is recorded. */
  submit(): void {
    this.#commands.submit();
  }

  /** The elements of `tensor`, once everything before is computed. Throws what went wrong there. */
  async read(tensor: Tensor): Promise<TensorData> {
    this.#check("read");
    tensor.storage.pending?.flush();
    const size = Math.max(16, tensor.bytes);
    const staging = this.device.createBuffer({ size, usage: 0x1 | 0x8 }); // MAP_READ | COPY_DST
    try {
      const { buffer } = tensor.storage;
      this.#commands.copyBuffer(buffer, tensor.offset, staging, 0, tensor.bytes);
      this.#commands.submit();
      await this.#pipelines.ready();
      await staging.mapAsync(0x1);
      this.#check("read");
      const copy = staging.getMappedRange(0, tensor.bytes).slice(0);
      staging.unmap();
      return tensor.dtype === "u32" ? new Uint32Array(copy) : new Float32Array(copy);
    } finally {
      staging.destroy();
    }
  }

  /** The elements of a float tensor; see {@linkcode read}. */
  async readFloats(tensor: Tensor): Promise<Float32Array> {
    const data = await this.read(tensor);
    if (data instanceof Float32Array) return data;
    throw new TypeError("Cannot read ids as floats");
  }

  /** Resolves when the GPU is at most a few steps behind; call it once a step in a long loop. */
  async keepUp(): Promise<void> {
    await this.#commands.keepUp();
    this.#check("step");
  }

  /** Resolves when everything recorded has run; throws what went wrong. */
  async finish(): Promise<void> {
    this.#commands.submit();
    await this.#pipelines.ready();
    await this.device.queue.onSubmittedWorkDone();
    this.#check("finish");
  }

  /** Runs `body` with a timestamp around every kernel; see {@linkcode Profile}. */
  async profile(body: () => void | Promise<void>): Promise<Profile> {
    await this.finish();
    return await this.#commands.profile(body, () => this.finish());
  }

  /** Destroys the device and all that lives on it: `await using gpu = await Gpu.create()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    // Mesa's llvmpipe crashes the process if a device is destroyed while it still works.
    await this.device.queue.onSubmittedWorkDone();
    this.device.destroy();
  }

  /** The copy of `tensor` in a texture; copies if there is none that is up to date. */
  #texels({ storage, offset, bytes }: Tensor): Texels {
    storage.pending?.flush();
    const { copies } = storage;
    const at = copies.findIndex((copy) => copy.offset === offset && copy.bytes >= bytes);
    if (at >= 0) {
      // Now the latest: the oldest goes when a launch reads another part, too.
      const [known] = copies.splice(at, 1);
      copies.push(known!);
      return known!.texels;
    }
    if (copies.length === MOST_COPIES) copies.shift()!.texels.release();
    const texels = this.#pool.texels(bytes);
    this.#commands.copyToTexels(storage, offset, bytes, texels);
    copies.push({ texels, offset, bytes });
    return texels;
  }

  #fail(reason: string): void {
    this.#error ??= new DeviceError(this.#lastOp, reason);
  }

  /** Throws what went wrong so far. */
  #expectAlive(op: string): void {
    if (this.#disposed) throw new DeviceError(op, "the device was disposed of");
    if (this.#error) throw this.#error;
  }

  /** The same before something is recorded, which an error may turn out to come from. */
  #check(op: string): void {
    this.#expectAlive(op);
    this.#lastOp = op;
  }

  #checkSize(shape: readonly number[]): void {
    this.#expectAlive("tensor");
    const bytes = sizeOf(shape) * 4, { limits } = this.device;
    const limit = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
    if (!(bytes > 0) || !Number.isSafeInteger(bytes)) {
      throw new RangeError(`Cannot make a tensor [${shape}]: sizes must be positive integers`);
    }
    if (bytes > limit) {
      throw new RangeError(
        `Cannot make a tensor [${shape}] of ${bytes} bytes: ${this.name} binds at most ${limit}`,
      );
    }
  }
}
