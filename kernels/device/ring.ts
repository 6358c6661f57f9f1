/** What the CPU gives the GPU with a submission: the uniforms of its launches, and the data of small writes. */

import type { TensorData } from "./dtype.ts";
import { type Kernel, packUniform } from "./pipelines.ts";

/** Bytes that a kernel's uniform may take. */
const UNIFORM_BYTES = 256;
/** Uniforms between two submissions at most. */
const UNIFORM_SLOTS = 1024;
/** Bytes of data between two submissions at most. */
const DATA_BYTES = 64 * 2 ** 10;

/**
 * One buffer for all of it: a write of the queue takes the time of two launches. Data lie in its first
 * {@linkcode DATA_BYTES}, from their end down, and uniforms behind them, so that one write has both.
 */
export class Ring {
  /** Data are copied from here. */
  readonly buffer: GPUBuffer;
  /** Layout of group 1: the uniform, at a dynamic offset. */
  readonly layout: GPUBindGroupLayout;
  readonly #group: GPUBindGroup;
  /** First byte of each uniform. */
  readonly #offsets: Uint32Array;
  readonly #staging: ArrayBuffer;
  readonly #view: DataView;
  /** Number of uniforms. */
  #used = 0;
  /** First byte of the data. */
  #begin = DATA_BYTES;

  constructor(device: GPUDevice) {
    const stride = Math.max(UNIFORM_BYTES, device.limits.minUniformBufferOffsetAlignment);
    this.#offsets = new Uint32Array(UNIFORM_SLOTS).map((_, slot) => DATA_BYTES + slot * stride);
    this.#staging = new ArrayBuffer(DATA_BYTES + stride * UNIFORM_SLOTS);
    this.#view = new DataView(this.#staging);
    this.buffer = device.createBuffer({
      size: this.#staging.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.layout = device.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true },
      }],
    });
    this.#group = device.createBindGroup({
      layout: this.layout,
      entries: [{ binding: 0, resource: { buffer: this.buffer, size: UNIFORM_BYTES } }],
    });
  }

  /** Whether there is no room for another uniform. */
  get isFull(): boolean {
    return this.#used === UNIFORM_SLOTS;
  }

  /** Adds the uniform of a kernel's run; returns its number. */
  add(label: string, { params }: Kernel, values: Readonly<Record<string, number>>): number {
    packUniform(label, params, values, this.#view, this.#offsets[this.#used]!);
    return this.#used++;
  }

  /** Binds a uniform to group 1. */
  bind(pass: GPUComputePassEncoder, number: number): void {
    pass.setBindGroup(1, this.#group, this.#offsets, number, 1); // Deno converts an array slowly
  }

  /** Adds data, and returns where they begin; undefined if they do not fit. */
  put({ buffer, byteOffset, byteLength }: TensorData | Float16Array): number | undefined {
    if (byteLength > this.#begin) return undefined;
    this.#begin -= byteLength;
    new Uint8Array(this.#staging, this.#begin).set(new Uint8Array(buffer, byteOffset, byteLength));
    return this.#begin;
  }

  /** Writes all to the buffer, ahead of the submission that reads it and behind the one before. */
  write({ queue }: GPUDevice): void {
    const end = this.#used === 0 ? DATA_BYTES : this.#offsets[this.#used - 1]! + UNIFORM_BYTES;
    const begin = this.#begin;
    if (begin < end) queue.writeBuffer(this.buffer, begin, this.#staging, begin, end - begin);
  }

  /** Begins anew. */
  clear(): void {
    this.#used = 0;
    this.#begin = DATA_BYTES;
  }
}
