/** A fully connected layer. */

import type { Gpu } from "../../kernels/gpu.ts";
import { linear } from "../../kernels/matmul/linear.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import { expectOptions, Module, type NamedParameter, uniformParameter } from "./module.ts";

/** Sizes and initial values of a {@linkcode Linear}. */
export interface LinearOptions {
  /** Size of an input row. */
  inFeatures: number;
  /** Size of an output row. */
  outFeatures: number;
  /** Seed of the initial values; 0 unless given. */
  seed?: number;
}

/** `y = x weight^T + bias`; initial values uniform within 1/sqrt(inFeatures), as in PyTorch. */
export class Linear extends Module {
  /** [outFeatures, inFeatures] */
  readonly weight: Tensor;
  /** [outFeatures] */
  readonly bias: Tensor;

  /** Throws a RangeError if a size or the seed is out of range, or the weight too large. */
  constructor(gpu: Gpu, options: LinearOptions) {
    super();
    expectOptions("Linear", gpu, options, ["inFeatures", "outFeatures"]);
    const { inFeatures, outFeatures, seed = 0 } = options;
    const range = 1 / Math.sqrt(inFeatures);
    this.weight = uniformParameter(gpu, [outFeatures, inFeatures], range, seed);
    this.bias = uniformParameter(gpu, [outFeatures], range, seed);
  }

  /** [..., inFeatures] to [..., outFeatures]. */
  forward(step: Step, x: Tensor): Tensor {
    return linear(step, x, this.weight, this.bias);
  }

  /** `weight`, `bias` */
  override parameters(): NamedParameter[] {
    return [["weight", this.weight], ["bias", this.bias]];
  }
}
