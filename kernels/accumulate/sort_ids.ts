/** Sorting ids on the GPU, so that gradients of equal rows can be summed in a fixed order. */

import type { Device } from "../device/device.ts";
import type { Launch } from "../device/launch.ts";
import { concatIds } from "./concat_ids.ts";
import { areFew, rankIds } from "./rank_ids.ts";
import { expectRounds } from "../device/rounds.ts";
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

/** A kernel of the sort. */
interface SortLaunch extends Pick<Launch, "inputs" | "outputs" | "constants" | "grid"> {
  /** How many elements there are; n unless given. */
  readonly size?: number;
  /** Of the digit's bits. */
  readonly shift?: number;
}

/**
 * Sorts the ids of `lists`, one list after the other, all below `classes`.
 *
 * A stable sort: by counting if there are few, else by radix, four bits a pass. `slots` = min(n, classes).
 */
export function sortIds(gpu: Device, lists: readonly Tensor[], classes: number): SortedIds {
  const n = lists.reduce((sum, ids) => sum + ids.size, 0);
  const slots = Math.min(n, classes), threads = Math.ceil(n / CHUNK);
  expectRounds("backward", gpu, "ids of rows", n, 2 * 16 * threads / 4 / 256); // of a scan's threads
  using stack = new DisposableStack();
  const temporary = (size: number) => gpu.temporary([size], "u32");
  const scratch = (size: number) => stack.use(temporary(size));
  const ids = lists.length === 1 ? lists[0]! : stack.use(concatIds(gpu, lists));
  const unique = temporary(slots), starts = temporary(slots + 1), positions = temporary(n);
  if (areFew(gpu, n)) {
    rankIds(gpu, ids, positions, unique, starts);
    return { unique, starts, positions };
  }
  const run = (entry: string, { size = n, shift = 0, ...launch }: SortLaunch) =>
    gpu.dispatch({
      ...{ label: `sort.${entry}`, source, entry },
      ...launch,
      uniform: { n: size, shift, slots },
    });
  const counts = scratch(16 * threads), grid = Math.ceil(threads / 64);
  const passes = Math.max(1, Math.ceil(Math.log2(classes) / 4));
  // The last pass writes to the first of these.
  const pairs = [[scratch(n), positions], [scratch(n), scratch(n)]] as const;
  let from: readonly [keys: Tensor, positions: Tensor] = [ids, ids]; // the first pass needs no positions
  for (let pass = 0; pass < passes; pass++) {
    const to = pairs[(passes - 1 - pass) % 2]!, shift = 4 * pass;
    run("histogram", { inputs: [from[0]], outputs: [counts], shift, grid });
    run("scan", { inputs: [], outputs: [counts], size: 16 * threads, grid: 1 });
    const constants = { FIRST: pass === 0 ? 1 : 0 };
    run("scatter", { inputs: [...from, counts], outputs: to, shift, constants, grid });
    from = to;
  }
  const [keys] = from;
  run("heads", { inputs: [keys], outputs: [counts], grid: Math.ceil(n / 64) });
  run("scan", { inputs: [], outputs: [counts], grid: 1 });
  run("segments", {
    inputs: [keys, counts],
    outputs: [unique, starts],
    grid: Math.ceil(Math.max(n, slots + 1) / 64),
  });
  return { unique, starts, positions };
}
