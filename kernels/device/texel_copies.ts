/** Copies of tensors in textures, made when a kernel reads them and kept until the tensor changes. */

import type { Commands } from "./commands.ts";
import type { Pool } from "./memory.ts";
import { flushPending } from "./pending.ts";
import { offsetOf, storageIn, type Tensor } from "./tensor.ts";
import type { Texels } from "./texels.ts";

/** Copies that a buffer has at a time: a launch may read two parts of it. */
const MAX_COPIES = 2;

/** The copy of `tensor` in a texture, made unless there is one. */
export function copyOf(tensor: Tensor, pool: Pool, commands: Commands): Texels {
  const storage = storageIn(tensor), offset = offsetOf(tensor), { bytes } = tensor;
  flushPending(storage);
  const { copies } = storage;
  const at = copies.findIndex((copy) => copy.offset === offset && copy.bytes >= bytes);
  if (at >= 0) {
    // It is now the last used: the first goes when a launch reads another part.
    const [known] = copies.splice(at, 1);
    copies.push(known!);
    return known!.texels;
  }
  if (copies.length === MAX_COPIES) copies.shift()!.texels.release();
  const texels = pool.texels(bytes, tensor.dtype === "f16" ? "rgba16float" : "rgba32float");
  commands.copyToTexels(storage, offset, bytes, texels);
  copies.push({ texels, offset, bytes });
  return texels;
}
