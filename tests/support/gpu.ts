/** The device that a test file runs on. */

import { type AdapterOptions, Gpu } from "../../mod.ts";
import { leaseGpu, withOtherAdapters } from "./leased_gpus.ts";

/** Runs `body` on a device that no other test uses meanwhile, and checks that it frees everything. */
export async function withGpu(
  body: (gpu: Gpu) => void | Promise<void>,
  options: AdapterOptions = {},
): Promise<void> {
  await using lease = await leaseGpu(options);
  const { gpu } = lease;
  await body(gpu);
  await gpu.finish();
  const { buffers, bytes } = gpu.memory;
  if (buffers !== 0) throw new Error(`${buffers} buffers of ${bytes} bytes were left on the GPU`);
}

/** The same on a new device, whose pool is empty: one that was used before keeps free buffers, and its peak. */
export function withNewGpu(
  body: (gpu: Gpu) => void | Promise<void>,
  options: AdapterOptions = {},
): Promise<void> {
  return withOtherAdapters(() => withGpu(body, options));
}

/** Runs `body` with the adapter's own kernels, and with those for hardware GPUs. */
export async function withBothFamilies(
  body: (gpu: Gpu) => void | Promise<void>,
  options: AdapterOptions = {},
): Promise<void> {
  await withGpu(body, options);
  await withGpu(body, { ...options, family: "hardware" });
}

/** Runs `body` with both families' kernels, on devices whose products read weights in 16 bits. */
export function withHalfWeights(body: (gpu: Gpu) => void | Promise<void>): Promise<void> {
  return withBothFamilies(body, { compute: "f16" });
}

/** Peak bytes and largest single allocation of pooled memory while `body` runs. */
export async function peakMemory(
  gpu: Gpu,
  body: () => void | Promise<void>,
): Promise<{ bytes: number; largest: number }> {
  const before = gpu.memory.bytes, allocate = gpu.temporary.bind(gpu);
  let bytes = 0, largest = 0;
  gpu.temporary = (...args) => {
    const tensor = allocate(...args);
    bytes = Math.max(bytes, gpu.memory.bytes - before);
    largest = Math.max(largest, tensor.bytes);
    return tensor;
  };
  await body();
  Reflect.deleteProperty(gpu, "temporary");
  return { bytes, largest };
}

/** Runs `body` where no adapter has this feature. */
export function withoutFeature(name: string, body: () => Promise<void>): Promise<void> {
  return withFeature(name, false, body);
}

/** Runs `body` where every adapter lists this feature, or none does. */
export async function withFeature(
  name: string,
  isListed: boolean,
  body: () => Promise<void>,
): Promise<void> {
  const features = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "features")!;
  Object.defineProperty(GPUAdapter.prototype, "features", {
    ...features,
    get(this: GPUAdapter) {
      const others = [...features.get!.call(this)].filter((feature) => feature !== name);
      return new Set(isListed ? [...others, name] : others);
    },
  });
  try {
    await withOtherAdapters(body);
  } finally {
    Object.defineProperty(GPUAdapter.prototype, "features", features);
  }
}

/** A device with these limits, and with kernels for software adapters. */
export async function limitedGpu(
  limits: Readonly<Record<string, number>>,
  options: AdapterOptions = {},
): Promise<Gpu> {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...given) {
    const device = await requestDevice.apply(this, given), { limits: real } = device;
    const get = (_: unknown, name: keyof GPUSupportedLimits) => limits[name] ?? real[name];
    return Object.defineProperty(device, "limits", { value: new Proxy({}, { get }) });
  };
  try {
    return await Gpu.create({ family: "software", ...options });
  } finally {
    GPUAdapter.prototype.requestDevice = requestDevice;
  }
}
