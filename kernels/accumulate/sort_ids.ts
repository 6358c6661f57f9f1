/** Sorting ids on the GPU, so that gradients of equal rows can be summed in a fixed order. */

import type { Device } from "../device/device.ts";
import { areFew, rankIds } from "./rank_ids.ts";
import source from "./sort_ids.wgsl" with { type: "text" };
import type { Tensor } from "../device/tensor.ts";

const CHUNK = 8; // as in sort_ids.wgsl

/** Ids in order, and where each distinct id stands; all tensors belong to the caller. */
export interface SortedIds {
  /** [slots] Distinct ids rising; slots left over hold 0xffffffff. */
  readonly unique: Tensor;
  /** [slots + 1] First index into `positions` of each distinct id. */
  readonly starts: Tensor;
  /** [n] Positions in the input, by id, equal ids by position. */
  readonly positions: Tensor;
}

/**
 * Sorts the ids of `parts`, one list after the other, all below `classes`.
 *
 * A stable sort: by counting if there are few, else by radix, four bits a pass. `slots` = min(n, classes).
 */
export function sortIds(gpu: Device, parts: readonly Tensor[], classes: number): SortedIds {
  const n = parts.reduce((sum, ids) => sum + ids.size, 0);
  const slots = Math.min(n, classes);
  const temporary = (size: number) => gpu.temporary([size], "u32");
  const run = (
    entry: string,
    threads: number,
    inputs: Tensor[],
    outputs: Tensor[],
    extra = 0,
    count = n,
    offset = 0,
  ) => {
    const grid = entry === "scan" ? 1 : Math.ceil(threads / 64);
    const uniform = { n: count, extra, offset };
    gpu.dispatch({ label: `sort.${entry}`, source, entry, inputs, outputs, uniform, grid });
  };

  let keys = temporary(n), positions = temporary(n), offset = 0;
  for (const ids of parts) {
    run("keys", ids.size, [ids], [keys, positions], 0, ids.size, offset);
    offset += ids.size;
  }
  const unique = temporary(slots), starts = temporary(slots + 1);
  if (areFew(gpu, n)) {
    rankIds(gpu, keys, positions, unique, starts);
    keys.dispose();
    return { unique, starts, positions };
  }
  let nextKeys = temporary(n), nextPositions = temporary(n);
  const threads = Math.ceil(n / CHUNK);
  const counts = temporary(Math.max(16 * threads, n));
  for (let shift = 0; 2 ** shift < classes; shift += 4) {
    run("histogram", threads, [keys], [counts], shift);
    run("scan", 0, [], [counts], 0, 16 * threads);
    run("scatter", threads, [keys, positions, counts], [nextKeys, nextPositions], shift);
    [keys, nextKeys] = [nextKeys, keys];
    [positions, nextPositions] = [nextPositions, positions];
  }
  run("heads", n, [keys], [counts]);
  run("scan", 0, [], [counts]);
  run("segments", Math.max(n, slots + 1), [keys, counts], [unique, starts], slots);
  for (const tensor of [keys, nextKeys, nextPositions, counts]) tensor.dispose();
  return { unique, starts, positions };
}
