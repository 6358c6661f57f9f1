/** Sums of a matrix's columns. */

import type { Device } from "../device/device.ts";
import type { Tensor } from "../device/tensor.ts";
import { withVec } from "../device/vec.ts";
import columnsSource from "./column_sums.wgsl" with { type: "text" };
import { columnSumsFromTexels, readsTexels } from "./matmul_subgroup.ts";

const kernel = withVec(columnsSource);

/** `out[m] = sum over r of a[r, m]` for a [N, M]. */
export function columnSums(gpu: Device, out: Tensor, a: Tensor): void {
  if (readsTexels(gpu)) {
    using matrix = a.reshape([a.size / out.size, out.size]);
    return columnSumsFromTexels(gpu, out, matrix); // five times as fast there
  }
  const { source, vec } = kernel(out.size), width = out.size / vec, n = a.size / out.size;
  const run = (from: Tensor, to: Tensor, rows: number, chunk: number) =>
    gpu.dispatch({
      label: "columnSums",
      source,
      entry: "columns",
      inputs: [from],
      outputs: [to],
      uniform: { n: rows, width, chunk },
      grid: Math.ceil(Math.ceil(rows / chunk) * width / 64),
    });
  const chunk = Math.ceil(Math.sqrt(n)), chunks = Math.ceil(n / chunk); // as many chunks as rows of one
  if (chunks === 1) return run(a, out, n, n);
  using partials = gpu.temporary([chunks, out.size]);
  run(a, partials, n, chunk);
  run(partials, out, chunks, chunks);
}
