/** A fully connected layer. */

import type { Gpu } from "../../kernels/gpu.ts";
import { linear } from "../../kernels/matmul/linear.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import { expectOptions, Module } from "./module.ts";

/** Sizes and initial values of a {@linkcode Linear}. */
export interface LinearOptions {
  /** Size of an input row. */
  inFeatures: number;
  /** Size of an output row. */
  outFeatures: number;
  /** Seed of the initial values; 0 unless given. */
  seed?: number;
  /** The layer's path in its model, as in "encoder"; empty unless given. */
  name?: string;
}

/** `y = x weight^T + bias`; initial values uniform within 1/sqrt(inFeatures), as in PyTorch. */
export class Linear extends Module {
  /** [outFeatures, inFeatures] */
  readonly weight: Tensor;
  /** [outFeatures] */
  readonly bias: Tensor;

  /** Throws a RangeError if a size or the seed is out of range, or the weight too large. */
  constructor(gpu: Gpu, options: LinearOptions) {
    expectOptions("Linear", gpu, options, ["inFeatures", "outFeatures"], ["seed", "name"]);
    super(options.name);
    const { inFeatures, outFeatures, seed = 0 } = options;
    const init = { range: 1 / Math.sqrt(inFeatures), seed };
    this.weight = this.parameter(gpu, "weight", [outFeatures, inFeatures], init);
    this.bias = this.parameter(gpu, "bias", [outFeatures], init);
  }

  /** [..., inFeatures] to [..., outFeatures]. */
  forward(step: Step, x: Tensor): Tensor {
    return linear(step, x, this.weight, this.bias);
  }
}
