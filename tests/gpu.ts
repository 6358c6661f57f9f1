/** The device that a test file runs on. */

import { type AdapterOptions, Gpu } from "../mod.ts";

/** Runs `body` on a device of its own, and checks that it leaves nothing allocated. */
export async function withGpu(
  body: (gpu: Gpu) => void | Promise<void>,
  options: AdapterOptions = {},
): Promise<void> {
  using gpu = await Gpu.create(options);
  await body(gpu);
  await gpu.finish();
  const { buffers, bytes } = gpu.memory;
  if (buffers !== 0) throw new Error(`${buffers} buffers of ${bytes} bytes were left on the GPU`);
}

/** Runs `body` with the adapter's own kernels, and with those for hardware GPUs. */
export async function withBothFamilies(body: (gpu: Gpu) => void | Promise<void>): Promise<void> {
  await withGpu(body);
  await withGpu(body, { family: "tiled" });
}
