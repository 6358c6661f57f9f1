/** Dropout as a layer: a rate and a stream of random numbers of its own. */

import { dropout, expectRate } from "../../kernels/elementwise/dropout.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import { expectOptions } from "./module.ts";

/** Zeroes elements with probability `p` in training steps and scales the rest by 1 / (1 - p). */
export class Dropout {
  /** Probability that an element is zeroed. */
  readonly p: number;
  readonly #stream: number;

  /** Throws a RangeError unless 0 <= p < 1. */
  constructor(gpu: Gpu, p: number) {
    expectOptions("Dropout", gpu, {});
    expectRate("make Dropout", "p", p);
    this.p = p;
    this.#stream = gpu.nextStream();
  }

  /** Applies dropout; the mask is a function of the step's seed and number. */
  forward(step: Step, x: Tensor): Tensor {
    return dropout(step, x, this.p, this.#stream);
  }
}
