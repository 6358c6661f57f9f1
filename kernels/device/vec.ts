/** Kernels that process rows four floats at a time if the width is a multiple of four, else one. */

import type { Device } from "./device.ts";
import four from "./_vec_four.wgsl" with { type: "text" };
import one from "./_vec_one.wgsl" with { type: "text" };

/** One variant of a kernel. */
export interface VecSource {
  /** WGSL in which `Vec` is defined. */
  readonly source: string;
  /** Floats in a Vec; two only of tables.ts. */
  readonly vec: 1 | 2 | 4;
}

/** Both variants of `source`, which is written for a `Vec`; the function picks one by the rows' width. */
export function withVec(source: string): (width: number) => VecSource {
  const narrow = { source: one + source, vec: 1 } as const;
  const wide = { source: four + source, vec: 4 } as const;
  return (width) => width % 4 === 0 ? wide : narrow;
}

/** Vecs that a thread takes on a CPU, where threads cost more than rounds of a loop. */
const VECS_A_THREAD = 8;

/**
 * Threads for a row of `width` Vecs that may lie in any of `parts` buffers, for each of which a CPU tests it. On GPUs a
 * thread takes `vecs` of them.
 */
export function rowLanes({ family }: Device, width: number, parts: number, vecs = 1): number {
  if (family === "hardware") return Math.ceil(width / vecs);
  return parts > 1 ? 1 : Math.ceil(width / VECS_A_THREAD);
}
