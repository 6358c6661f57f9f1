/** Bytes of several ranks in one array, as MPI takes and gives them. */

import { Failure } from "../shared/errors.ts";

/** `all`, filled with the parts, one after another. */
export function packed(
  parts: readonly Uint8Array[],
  all: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  let at = 0;
  for (const part of parts) all.set(part, at), at += part.length;
  return all;
}

/** The sum of the bytes of a call; throws a Failure if MPI cannot count them. */
export function sendableBytes(counts: Iterable<number>): number {
  let sum = 0;
  for (const count of counts) sum += count;
  if (sum < 2 ** 31) return sum;
  throw new Failure(`Cannot send ${sum} bytes between ranks at once: take a smaller --batch-size`);
}

/** Where each part begins. */
export function startsOf(counts: Int32Array): Int32Array<ArrayBuffer> {
  let at = 0;
  return Int32Array.from(counts, (count) => (at += count) - count);
}

/** The parts of `all`. */
export function unpacked(
  all: Uint8Array<ArrayBuffer>,
  counts: Int32Array,
): Uint8Array<ArrayBuffer>[] {
  const starts = startsOf(counts);
  return Array.from(counts, (count, i) => all.subarray(starts[i]!, starts[i]! + count));
}
