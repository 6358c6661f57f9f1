/** A device that runs out of memory, for tests. */

/** Asks for a texture of 256 GiB. */
export function exhaust(device: GPUDevice): void {
  device.createTexture({
    size: [8192, 8192, 256],
    format: "rgba32float",
    usage: GPUTextureUsage.STORAGE_BINDING,
  });
}

/** Until what this returns is disposed of, every buffer that the device makes brings the error. */
export function outOfMemory(device: GPUDevice): Disposable {
  const createBuffer = device.createBuffer;
  device.createBuffer = (descriptor) => {
    exhaust(device);
    return createBuffer.call(device, {
      ...descriptor,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE,
    }); // an invalid one
  };
  return { [Symbol.dispose]: () => void (device.createBuffer = createBuffer) };
}
