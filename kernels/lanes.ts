/** Kernels that handle rows four floats at a time where the width allows it, else one. */

import four from "./lane_four.wgsl" with { type: "text" };
import one from "./lane_one.wgsl" with { type: "text" };

/** A kernel for rows of some width. */
export interface LanedSource {
  /** WGSL in which `Lane` is defined. */
  readonly source: string;
  /** Floats in a Lane. */
  readonly lane: 1 | 4;
}

/** Both variants of `source`, which is written for a `Lane`: the function picks one by the width of rows. */
export function laned(source: string): (width: number) => LanedSource {
  const narrow = { source: one + source, lane: 1 } as const;
  const wide = { source: four + source, lane: 4 } as const;
  return (width) => width % 4 === 0 ? wide : narrow;
}
