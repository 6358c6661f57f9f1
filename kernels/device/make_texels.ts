/** Texels without a buffer, for kernels on software adapters. */

import { type Device, insideOf } from "./device.ts";
import { sizeOf } from "./dtype.ts";
import { expectSizes } from "./expect.ts";
import { TexelTensor } from "./texel_tensor.ts";

/**
 * Pooled texels with undefined content; `dispose` gives them back to the pool.
 *
 * @throws {RangeError} Unless rows are whole vectors of four, and they fit a texture.
 */
export function makeTexels(gpu: Device, shape: readonly number[]): TexelTensor {
  const { pool, faults } = insideOf(gpu);
  faults.expectNone("texels");
  expectSizes("make texels", shape);
  if (shape[shape.length - 1]! % 4 !== 0) {
    throw new RangeError(`Cannot make texels [${shape}]: rows must be whole vectors of four`);
  }
  return new TexelTensor(gpu.device, pool.texels(sizeOf(shape) * 4), shape);
}
