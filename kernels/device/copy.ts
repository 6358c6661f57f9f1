/** The bytes that a copy between tensors reads and writes, and its checks. */

import { expectNames } from "./expect.ts";
import { type DType, elementBytes } from "./dtype.ts";
import { offsetOf, partsOf, partsOn, storageIn, type Tensor } from "./tensor.ts";

/** Which elements to copy. */
export interface CopyOptions {
  /** The first element that is read; 0 unless given. */
  fromStart?: number;
  /** The first element that is written; 0 unless given. */
  toStart?: number;
  /** How many elements; as many as fit both tensors unless given. */
  count?: number;
}

/** Where an element lies: in which part of its tensor, at which byte of the buffer, and how many are left there. */
interface Place {
  readonly part: Tensor;
  readonly byte: number;
  readonly left: number;
}

/** A copy from one buffer to one other. */
export interface CopyRange {
  readonly from: Place;
  readonly to: Place;
  readonly bytes: number;
}

/**
 * The buffers' copies that a copy takes; throws a TypeError if elements, types or devices do not fit, or a buffer
 * would be copied to itself, which WebGPU cannot do.
 */
export function copyRanges(
  from: Tensor,
  to: Tensor,
  options: CopyOptions,
  device: GPUDevice,
): CopyRange[] {
  for (const tensor of [from, to]) partsOn("copy", tensor, device);
  expectNames("copy", "options", options, ["fromStart", "toStart", "count"]);
  const { fromStart = 0, toStart = 0 } = options;
  const { count = Math.min(from.size - fromStart, to.size - toStart) } = options;
  const inside = [fromStart, toStart, count].every(Number.isSafeInteger) &&
    fromStart >= 0 && toStart >= 0 && count > 0 &&
    fromStart + count <= from.size && toStart + count <= to.size;
  if (!inside || from.dtype !== to.dtype || !isWhole(from.dtype, fromStart, toStart, count)) {
    throw new TypeError(
      `Cannot copy ${count} elements of ${from.dtype} [${from.shape}] from ${fromStart} ` +
        `to ${to.dtype} [${to.shape}] at ${toStart}`,
    );
  }
  const ranges: CopyRange[] = [];
  for (let done = 0; done < count;) {
    const source = placeOf(from, fromStart + done), target = placeOf(to, toStart + done);
    if (storageIn(source.part) === storageIn(target.part)) {
      throw new TypeError(
        `Cannot copy [${from.shape}] to [${to.shape}] in one buffer: copy to another tensor first`,
      );
    }
    const elements = Math.min(count - done, source.left, target.left);
    ranges.push({ from: source, to: target, bytes: elements * elementBytes(from.dtype) });
    done += elements;
  }
  return ranges;
}

/** Whether so many elements have whole words of four bytes: 16-bit floats are copied in pairs. */
function isWhole(dtype: DType, ...elements: readonly number[]): boolean {
  return elements.every((count) => count * elementBytes(dtype) % 4 === 0);
}

function placeOf(tensor: Tensor, element: number): Place {
  for (const part of partsOf(tensor)) {
    const left = part.size - element;
    if (left > 0) return { part, byte: offsetOf(part) + element * elementBytes(part.dtype), left };
    element -= part.size;
  }
  throw new RangeError(`There is no element ${element} after [${tensor.shape}]`);
}
