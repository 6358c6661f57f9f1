/** Rows lengthened with zeros, for kernels that read whole vectors of four floats. */

import type { Device } from "../device/device.ts";
import source from "./pad.wgsl" with { type: "text" };
import type { Tensor } from "../device/tensor.ts";
import { sourceFor } from "./operands.ts";
import { withWeight } from "./weight.ts";

const sources = withWeight(source);

/** A matrix [R, W] with zeros after each row, up to a multiple of four; the caller disposes of it. */
export function padRows(gpu: Device, x: Tensor): Tensor {
  const [rows, width] = [x.shape[0]!, x.shape[1]!], vectors = Math.ceil(width / 4);
  const out = gpu.temporary([rows, 4 * vectors], x.dtype);
  gpu.dispatch({
    label: "pad",
    source: sourceFor(sources, x),
    inputs: [x],
    outputs: [out],
    uniform: { rows, width, vectors },
    grid: Math.ceil(rows * vectors / 64),
  });
  return out;
}
