/** Sums of a matrix's columns. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import { withVec } from "../device/vec.ts";
import columnsSource from "./column_sums.wgsl" with { type: "text" };
import { columnSumsFromTexels, readsTexels } from "./matmul_texel.ts";

const kernel = withVec(columnsSource);

/** How the threads of a workgroup share a chunk of rows. */
const THREADS = {
  software: { COLUMNS: 64, SLICES: 1 },
  hardware: { COLUMNS: 8, SLICES: 32 },
};

/** Rows of a chunk: on GPUs as many as make 32 for each thread, else such that there are as many chunks. */
const CHUNKS = { software: Math.sqrt, hardware: () => 1024 };

/** `out[m] = sum over r of a[r, m]` for a [N, M]. */
export function columnSums(gpu: Device, out: Tensor, a: Tensor): void {
  const { family } = gpu, n = a.size / out.size, chunk = Math.ceil(CHUNKS[family](n));
  if (readsTexels(gpu)) {
    using matrix = a.reshape([n, out.size]);
    return columnSumsFromTexels(gpu, out, matrix); // five times as fast there
  }
  const { source, vec } = kernel(out.size), width = out.size / vec, constants = THREADS[family];
  const run = (from: Tensor, to: Tensor, rows: number, chunk: number) =>
    gpu.dispatch({
      label: "columnSums",
      source,
      entry: "columns",
      constants,
      inputs: [from],
      outputs: [to],
      uniform: { n: rows, width, chunk },
      grid: Math.ceil(rows / chunk) * Math.ceil(width / constants.COLUMNS),
    });
  const chunks = Math.ceil(n / chunk);
  if (chunks === 1) return run(a, out, n, n);
  using partials = gpu.temporary([chunks, out.size]);
  run(a, partials, n, chunk);
  run(partials, out, chunks, chunks);
}
