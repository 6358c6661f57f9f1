/** Lists of ids as one. */

import type { Device } from "../device/device.ts";
import { forParts, numbered } from "../device/for_parts.ts";
import { setsBound } from "../device/part_bindings.ts";
import type { Tensor } from "../device/tensor.ts";
import source from "./concat_ids.wgsl" with { type: "text" };

/** The ids of `lists`, one list after another; the tensor belongs to the caller, who sets its `idLimit`. */
export function concatIds(gpu: Device, lists: readonly Tensor[]): Tensor {
  const total = (sizes: readonly number[]) => sizes.reduce((sum, n) => sum + n, 0);
  const out = gpu.temporary([total(lists.map(({ size }) => size))], "u32");
  const most = setsBound(gpu, 1, 1);
  for (let at = 0, start = 0; at < lists.length; at += most) {
    const inputs = lists.slice(at, at + most), sizes = inputs.map(({ size }) => size);
    gpu.dispatch({
      label: "concatIds",
      source: forParts(source, inputs.length),
      inputs,
      outputs: [out],
      uniform: { start, ...numbered(sizes) },
      grid: Math.ceil(total(sizes) / 64),
    });
    start += total(sizes);
  }
  return out;
}
