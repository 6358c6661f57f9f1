/** Fills tensors with a number from the GPU, or with random numbers. */

import kernel from "./fill.wgsl" with { type: "text" };
import type { Device } from "../device/device.ts";
import { type RandomKey, randomUniform, withRandom } from "../random/philox.ts";
import { forEachSlice } from "../device/parts.ts";
import { tensorLike } from "../device/scope.ts";
import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";
import { Rounding } from "../random/rounding.ts";
import { narrowInto } from "./halves.ts";

const source = withRandom(kernel);

/** A tensor like `tensor` with every element `value[0]`, times `weight` elementwise if given. */
export function fill(step: Step, tensor: Tensor, value: Tensor, weight?: Tensor): Tensor {
  const filled = tensorLike(step, tensor);
  forEachSlice([filled, weight ?? filled], ([out, factor]) =>
    step.gpu.dispatch({
      label: "fill",
      source,
      entry: "scalar",
      constants: { WEIGHTED: weight ? 1 : 0 },
      inputs: [value, weight ? factor : value],
      outputs: [out],
      uniform: { n: out.size, block: 0, low: 0, high: 0, ...randomUniform() },
      grid: Math.ceil(out.size / 64),
    }));
  return filled;
}

/** Bytes of 32-bit floats that exist at a time of a table of 16-bit ones. */
const FILLED_BYTES = 64 * 2 ** 20;

/**
 * Overwrites `tensor` with numbers uniform in [low, high), a function of `key` alone: with those that a larger
 * table has from `firstRow` on, a multiple of 64, if that is given.
 */
export function fillUniform(
  gpu: Device,
  tensor: Tensor,
  low: number,
  high: number,
  key: RandomKey,
  firstRow = 0,
): void {
  const width = tensor.size / (tensor.shape[0] ?? 1);
  const fillRows = (rows: Tensor, first: number) =>
    gpu.dispatch({
      label: "fillUniform",
      source,
      entry: "uniform_random",
      inputs: [],
      outputs: [rows],
      uniform: {
        n: rows.size,
        block: (firstRow + first) * width / 4,
        low,
        high,
        ...randomUniform(key),
      },
      grid: Math.ceil(rows.size / 256),
    });
  if (tensor.dtype !== "f16") {
    return forEachSlice([tensor], ([part], first) => fillRows(part, first));
  }
  const { initial } = new Rounding(key.seed, key.stream);
  const most = 64 * Math.max(1, Math.floor(FILLED_BYTES / 4 / width / 64));
  forEachSlice([tensor], ([part], first) => {
    for (let at = 0; at < part.shape[0]!; at += most) {
      using rows = part.slice(at, Math.min(most, part.shape[0]! - at));
      using floats = gpu.temporary(rows.shape);
      fillRows(floats, first + at);
      narrowInto(gpu, rows, floats, first + at, initial);
    }
  });
}
