/** Marks the rows of tables that something has moved. */

import type { Device } from "../device/device.ts";
import { forParts } from "../device/for_parts.ts";
import { boundParts } from "../device/part_bindings.ts";
import type { Tensor } from "../device/tensor.ts";
import source from "./mark_rows.wgsl" with { type: "text" };

/** Sets `marks` to 1 at `base` and further, where `ids` says; 0xffffffff stands for none. */
export function markRows(gpu: Device, marks: Tensor, base: number, ids: Tensor): void {
  for (const { tensors, count, first, rows } of boundParts(gpu, [marks], 1)) {
    gpu.dispatch({
      label: "rows.mark",
      source: forParts(source, count),
      inputs: [ids],
      outputs: tensors,
      uniform: { n: ids.size, base, first, rows },
      grid: Math.ceil(ids.size / 64),
    });
  }
}
