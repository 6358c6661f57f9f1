/** The bytes that a copy between tensors reads and writes, and its checks. */

import { expectObject } from "./expect.ts";
import { offsetOf, storageOf, type Tensor } from "./tensor.ts";

/** Which elements to copy. */
export interface CopyOptions {
  /** The first element that is read; 0 unless given. */
  fromStart?: number;
  /** The first element that is written; 0 unless given. */
  toStart?: number;
  /** How many elements; as many as fit both tensors unless given. */
  count?: number;
}

/** The bytes of a copy; throws a TypeError if they are out of range, or types or devices differ. */
export function copyRange(
  from: Tensor,
  to: Tensor,
  options: CopyOptions,
  device: GPUDevice,
): { fromByte: number; toByte: number; bytes: number } {
  for (const tensor of [from, to]) storageOf("copy", tensor, device);
  expectObject("copy", "options", options, "an object");
  const { fromStart = 0, toStart = 0 } = options;
  const { count = Math.min(from.size - fromStart, to.size - toStart) } = options;
  const inside = [fromStart, toStart, count].every(Number.isSafeInteger) &&
    fromStart >= 0 && toStart >= 0 && count > 0 &&
    fromStart + count <= from.size && toStart + count <= to.size;
  if (!inside || from.dtype !== to.dtype) {
    throw new TypeError(
      `Cannot copy ${count} elements of ${from.dtype} [${from.shape}] from ${fromStart} ` +
        `to ${to.dtype} [${to.shape}] at ${toStart}`,
    );
  }
  return {
    fromByte: offsetOf(from) + 4 * fromStart,
    toByte: offsetOf(to) + 4 * toStart,
    bytes: 4 * count,
  };
}
