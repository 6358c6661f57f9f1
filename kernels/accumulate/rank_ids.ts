/** Sorting a few ids on the GPU, in few launches. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import source from "./rank_ids.wgsl" with { type: "text" };

/** Whether so few ids, at most 4,096, are sorted faster this way: launches cost a GPU more than comparisons. */
export function areFew(gpu: Device, n: number): boolean {
  return n <= (gpu.family === "software" ? 1024 : 4096);
}

/** Writes the positions of `ids` [n] in order, equal ids by position, and their segments; see SortedIds. */
export function rankIds(
  gpu: Device,
  ids: Tensor,
  positions: Tensor,
  unique: Tensor,
  starts: Tensor,
): void {
  const n = ids.size, slots = unique.size;
  using sorted = gpu.temporary([n], "u32");
  const run = (entry: string, grid: number, inputs: Tensor[], outputs: Tensor[]) =>
    gpu.dispatch({
      label: `sort.${entry}`,
      source,
      entry,
      inputs,
      outputs,
      uniform: { n, slots },
      grid,
    });
  run("sort", Math.ceil(n / 16), [ids, ids], [sorted, positions]);
  run("segments", 1, [sorted, sorted], [unique, starts]);
}
