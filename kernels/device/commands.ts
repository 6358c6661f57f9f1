/** Records launches, in one encoder and one pass, until they are submitted. */

import { BindGroups } from "./bind_groups.ts";
import type { TensorData } from "./dtype.ts";
import { turn } from "./faults.ts";
import type { Launch } from "./launch.ts";
import type { Kernel } from "./pipelines.ts";
import { Profiler } from "./profile.ts";
import { Ring } from "./ring.ts";
import { offsetOf, type Storage, storageIn, type Tensor } from "./tensor.ts";
import { TEXEL_BYTES, type Texels, TEXELS_A_ROW } from "./texels.ts";

/**
 * Milliseconds of steps after which the CPU waits for the GPU: one that has little to go on with stands still at
 * each wait, and a program that is far ahead is late to notice a signal.
 */
const AHEAD_MS = 250;
/** Most steps between two waits: each holds the memory of its commands. */
const MAX_STEPS_AHEAD = 256;

/** Milliseconds that a loop of steps may hold up the event loop. */
const TURN_MS = 50;

/** The command encoder, the ring and the bind group cache of a device. */
export class Commands {
  /** Number of the current encoder; a storage remembers it when a command names its buffer. */
  serial = 0;
  readonly #device: GPUDevice;
  readonly #ring: Ring;
  readonly #groups: BindGroups;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #profile: Profiler | undefined;
  /** What all passes are timed as; undefined where each launch has a timed pass of its own. */
  #body: string | undefined;
  #sinceFence = 0;
  /** Steps until the next fence, and when the last one was set. */
  #stepsAhead = 8;
  #fenced = performance.now();
  #turned = 0;
  #fence: Promise<void> | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#groups = new BindGroups(device);
    this.#ring = new Ring(device);
  }

  /** Layout of group 1: the uniform. */
  get uniformLayout(): GPUBindGroupLayout {
    return this.#ring.layout;
  }

  /** Records a kernel's runs. */
  dispatch(
    { label, uniform = {}, runs }: Launch,
    kernel: Kernel,
    tensors: readonly Tensor[],
    texels: readonly Texels[],
    grid: readonly [number, number, number],
  ): void {
    let pass: GPUComputePassEncoder | undefined;
    const values = runs?.map((others) => ({ ...uniform, ...others })) ?? [uniform];
    for (const own of values) {
      if (this.#ring.isFull) this.submit();
      const number = this.#ring.add(label, kernel, own);
      // A run that is timed alone has a pass of its own, and a submission ends the pass.
      if (this.#timesLaunches || !pass || pass !== this.#pass) {
        pass = this.#boundPass(label, kernel, tensors, texels);
      }
      this.#ring.bind(pass, number);
      pass.dispatchWorkgroups(...grid);
    }
  }

  /** Writes `data` to a storage, after what is recorded. */
  write(to: Storage, byte: number, data: TensorData | Float16Array): void {
    const from = this.#pass ? undefined : this.#ring.put(data); // a copy would end the pass
    if (from === undefined) {
      // A queue write would overtake commands that are recorded but not submitted: submit them first.
      if (to.usedIn === this.serial) this.submit();
      this.#device.queue.writeBuffer(to.buffer, byte, data as BufferSource);
      return;
    }
    to.usedIn = this.serial;
    this.copyBuffer(this.#ring.buffer, from, to.buffer, byte, data.byteLength);
  }

  /** Records a copy between tensors' storages. */
  copy(from: Storage, fromByte: number, to: Storage, toByte: number, bytes: number): void {
    from.usedIn = to.usedIn = this.serial;
    this.copyBuffer(from.buffer, fromByte, to.buffer, toByte, bytes);
  }

  /** Records a copy between buffers. */
  copyBuffer(
    from: GPUBuffer,
    fromByte: number,
    to: GPUBuffer,
    toByte: number,
    bytes: number,
  ): void {
    this.#endPass();
    this.#openEncoder().copyBufferToBuffer(from, fromByte, to, toByte, bytes);
  }

  /** Records a copy of part of a storage, in whole texels, to a texture. */
  copyToTexels(from: Storage, byte: number, bytes: number, { texture, format }: Texels): void {
    this.#endPass();
    from.usedIn = this.serial;
    const encoder = this.#openEncoder();
    const texelBytes = TEXEL_BYTES[format], bytesPerRow = texelBytes * TEXELS_A_ROW;
    const height = Math.floor(bytes / bytesPerRow), rest = (bytes % bytesPerRow) / texelBytes;
    const copy = (row: number, width: number, height: number) =>
      encoder.copyBufferToTexture(
        { buffer: from.buffer, offset: byte + row * bytesPerRow, bytesPerRow },
        { texture, origin: [0, row] },
        [width, height],
      );
    if (height > 0) copy(0, TEXELS_A_ROW, height);
    if (rest > 0) copy(height, rest, 1);
  }

  /** Records a fill with zero bytes. */
  clear(storage: Storage, byte: number, bytes: number): void {
    this.#endPass();
    storage.usedIn = this.serial;
    this.#openEncoder().clearBuffer(storage.buffer, byte, bytes);
  }

  /** Submits everything recorded to the queue. */
  submit(): void {
    this.#endPass();
    if (!this.#encoder) return;
    this.#ring.write(this.#device);
    this.#device.queue.submit([this.#encoder.finish()]);
    this.discard();
  }

  /** Begins anew: what was recorded is submitted, the device is lost, or the results would be worthless. */
  discard(): void {
    this.#endPass();
    this.#encoder = undefined;
    this.#ring.clear();
    this.serial++;
  }

  /** Drops the cached bind groups, because a buffer that they may name is about to be destroyed. */
  forgetBuffers(): void {
    this.#groups.clear();
  }

  /** After a submission: from time to time, waits until the steps before the last wait have run. */
  async keepUp(): Promise<void> {
    if (performance.now() - this.#turned > TURN_MS) {
      await turn(); // lets signals and device errors arrive
      this.#turned = performance.now();
    }
    const steps = ++this.#sinceFence;
    if (steps < this.#stepsAhead) return;
    this.#sinceFence = 0;
    const previous = this.#fence;
    this.#fence = this.#device.queue.onSubmittedWorkDone().then(() => {});
    this.#fence.catch(() => {}); // thrown where it is awaited, some steps later
    await previous;
    // Where onSubmittedWorkDone() blocks, as in Deno, the time since the last fence is that of these steps, in
    // browsers that of the steps before: a square root, half of the way, settles with both.
    const now = performance.now(), factor = Math.sqrt(AHEAD_MS / (now - this.#fenced));
    this.#stepsAhead = Math.min(Math.round(steps * Math.min(factor, 2)), MAX_STEPS_AHEAD);
    this.#fenced = now;
  }

  /**
   * Runs `bodies`, each launch in a timed pass of its own, or, to "time" them, the launches of each back to back
   * and timed under its number; the profile has yet to be collected.
   */
  async profile(
    op: "profile" | "time",
    bodies: readonly (() => void | Promise<void>)[],
    finish: () => Promise<void>,
  ): Promise<Profiler> {
    if (!this.#device.features.has("timestamp-query")) {
      throw new Error(`Cannot ${op}: the adapter has no timestamp-query`);
    }
    if (this.#profile) throw new Error(`Cannot ${op}: another profile or time() has not ended`);
    const profile = new Profiler(this.#device);
    this.#profile = profile;
    try {
      const start = performance.now();
      for (const [i, body] of bodies.entries()) {
        this.#endPass();
        if (op === "time") this.#body = `${i}`;
        await body();
      }
      await finish();
      profile.wallMs = performance.now() - start;
      return profile;
    } catch (error) {
      await finish().catch(() => {}); // what is recorded names the time stamps; the device keeps its own error
      profile[Symbol.dispose]();
      throw error;
    } finally {
      this.#profile = this.#body = undefined;
    }
  }

  /** A pass with the kernel and what it reads and writes. */
  #boundPass(
    label: string,
    kernel: Kernel,
    tensors: readonly Tensor[],
    texels: readonly Texels[],
  ): GPUComputePassEncoder {
    const group = this.#bindGroup(kernel, tensors), texelGroup = this.#texelGroup(kernel, texels);
    if (this.#timesLaunches) this.#endPass();
    const pass = this.#openPass(label);
    pass.setPipeline(kernel.pipeline);
    pass.setBindGroup(0, group);
    if (texelGroup) pass.setBindGroup(2, texelGroup);
    return pass;
  }

  get #timesLaunches(): boolean {
    return this.#profile !== undefined && this.#body === undefined;
  }

  #openEncoder(): GPUCommandEncoder {
    return this.#encoder ??= this.#device.createCommandEncoder();
  }

  /** The open pass, or a new one for the operation `label`. */
  #openPass(label: string): GPUComputePassEncoder {
    if (this.#pass) return this.#pass;
    const timestampWrites = this.#profile?.next(this.#body ?? label);
    return this.#pass = this.#openEncoder().beginComputePass(
      timestampWrites && { timestampWrites },
    );
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  #bindGroup({ layout }: Kernel, tensors: readonly Tensor[]): GPUBindGroup {
    const numbers: number[] = [];
    for (const tensor of tensors) {
      const storage = storageIn(tensor);
      storage.usedIn = this.serial;
      numbers.push(storage.id, offsetOf(tensor));
    }
    return this.#groups.get(
      layout,
      numbers,
      () =>
        tensors.map((tensor) => ({ buffer: storageIn(tensor).buffer, offset: offsetOf(tensor) })),
    );
  }

  #texelGroup({ texelLayout }: Kernel, texels: readonly Texels[]): GPUBindGroup | undefined {
    if (!texelLayout) return undefined;
    const numbers = texels.map(({ id }) => id);
    return this.#groups.get(texelLayout, numbers, () => texels.map(({ view }) => view));
  }
}
