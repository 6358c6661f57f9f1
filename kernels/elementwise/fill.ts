/** Fills tensors with a number from the GPU, or with random numbers. */

import source from "./fill.wgsl" with { type: "text" };
import type { Device } from "../device/device.ts";
import { type RandomKey, randomSource, randomUniform } from "../random/philox.ts";
import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";

const withRandom = randomSource + source;

/** A tensor of `shape` with every element `value[0]`, times `weight` elementwise if given. */
export function fill(
  step: Step,
  shape: readonly number[],
  value: Tensor,
  weight?: Tensor,
): Tensor {
  const out = step.tensor(shape);
  step.gpu.dispatch({
    label: "fill",
    source: withRandom,
    entry: "scalar",
    constants: { WEIGHTED: weight ? 1 : 0 },
    inputs: [value, weight ?? value],
    outputs: [out],
    uniform: { n: out.size, low: 0, high: 0, ...randomUniform() },
    grid: Math.ceil(out.size / 64),
  });
  return out;
}

/** Overwrites `tensor` with numbers uniform in [low, high), a function of `key` alone. */
export function fillUniform(
  gpu: Device,
  tensor: Tensor,
  low: number,
  high: number,
  key: RandomKey,
): void {
  gpu.dispatch({
    label: "fillUniform",
    source: withRandom,
    entry: "uniform_random",
    inputs: [],
    outputs: [tensor],
    uniform: { n: tensor.size, low, high, ...randomUniform(key) },
    grid: Math.ceil(tensor.size / 256),
  });
}
