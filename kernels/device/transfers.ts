/** What goes into tensors and out of them without a kernel, a buffer at a time. */

import type { Commands } from "./commands.ts";
import type { CopyRange } from "./copy.ts";
import { type DType, idLimitOf, type TensorData } from "./dtype.ts";
import type { Faults } from "./faults.ts";
import type { Pool } from "./memory.ts";
import { flushBeforeRead, flushPending } from "./pending.ts";
import { offsetOf, storageIn, type Tensor, willChange } from "./tensor.ts";

/** Writes the elements of `data` to `parts`, in order; 16-bit floats are rounded to the nearest, ties to even. */
export function writeParts(
  commands: Commands,
  parts: readonly Tensor[],
  data: TensorData,
): void {
  let at = 0;
  for (const part of parts) {
    expectWords("write", part);
    const storage = storageIn(part), some = data.subarray(at, at += part.size);
    flushPending(storage);
    willChange(part, part.bytes, part.dtype === "u32" ? idLimitOf(some) : Infinity);
    commands.write(storage, offsetOf(part), part.dtype === "f16" ? new Float16Array(some) : some);
  }
}

/** Records the copies. */
export function copyParts(commands: Commands, ranges: readonly CopyRange[]): void {
  for (const { from, to, bytes } of ranges) {
    const [source, target] = [storageIn(from.part), storageIn(to.part)];
    flushBeforeRead(from.part);
    flushPending(target);
    willChange(to.part, bytes, source.idLimit);
    commands.copy(source, from.byte, target, to.byte, bytes);
  }
}

/** Records fills with zero bits. */
export function clearParts(commands: Commands, parts: readonly Tensor[]): void {
  for (const part of parts) {
    expectWords("clear", part);
    const storage = storageIn(part);
    flushPending(storage);
    willChange(part, part.bytes, 1);
    commands.clear(storage, offsetOf(part), part.bytes);
  }
}

/** Throws a TypeError unless a part has whole words of four bytes: a weight's copy in 16 bits may not. */
function expectWords(doing: string, { bytes, shape }: Tensor): void {
  if (bytes % 4 === 0) return;
  throw new TypeError(`Cannot ${doing} a tensor [${shape}] of an odd number of 16-bit floats`);
}

function elementsOf(bytes: ArrayBuffer, dtype: DType): TensorData {
  if (dtype === "f16") return new Float32Array(new Float16Array(bytes));
  return dtype === "u32" ? new Uint32Array(bytes) : new Float32Array(bytes);
}

/** The elements of `parts`, once they are computed: as they are now, but for parts that change meanwhile. */
export async function readParts(
  pool: Pool,
  commands: Commands,
  faults: Faults,
  parts: readonly Tensor[],
): Promise<TensorData> {
  for (const part of parts) expectWords("read", part);
  const all = new Uint8Array(parts.reduce((sum, { bytes }) => sum + bytes, 0));
  let at = 0;
  for (const part of parts) {
    const storage = storageIn(part), { bytes } = part;
    flushBeforeRead(part);
    const staging = pool.staging(bytes, `reading a tensor [${part.shape}]`);
    try {
      commands.copyBuffer(storage.buffer, offsetOf(part), staging, 0, bytes);
      commands.submit();
      await faults.wait("read", async () => {
        await staging.mapAsync(GPUMapMode.READ);
        all.set(new Uint8Array(staging.getMappedRange(0, bytes)), at);
      });
    } finally {
      staging.destroy();
    }
    at += bytes;
  }
  return elementsOf(all.buffer, parts[0]!.dtype);
}
