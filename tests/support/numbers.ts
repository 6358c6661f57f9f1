/** Numbers of many tensors. */

import type { Gpu } from "../../mod.ts";
import type { NamedParameter } from "../../nce/nn/mod.ts";

/** The numbers of each tensor by its name, read together: the GPU is waited for once. */
export async function numbersOf(
  gpu: Gpu,
  tensors: readonly NamedParameter[],
): Promise<Map<string, Float32Array>> {
  const all = await Promise.all(tensors.map(([, tensor]) => gpu.readFloats(tensor)));
  return new Map(tensors.map(([name], i) => [name, all[i]!]));
}
