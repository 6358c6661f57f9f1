/** Dropout as a layer, with its own stream of random numbers. */

import { expectFraction, expectText } from "../../kernels/device/expect.ts";
import { dropout } from "../../kernels/elementwise/dropout.ts";
import { RandomStream } from "../../kernels/random/stream.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";

/** Zeroes elements with probability `p` in training steps and scales the rest by 1 / (1 - p). */
export class Dropout {
  /** Probability that an element is zeroed. */
  readonly p: number;
  readonly #stream: RandomStream;

  /** `name` is the layer's path in its model. Throws a RangeError unless 0 <= p < 1. */
  constructor(p: number, name: string) {
    expectFraction("make Dropout", "p", p);
    expectText("make Dropout", "name", name);
    this.p = p;
    this.#stream = new RandomStream(name);
  }

  /**
   * Applies dropout; the mask is a function of the name and of the step's seed and number. In a step on a
   * part of a batch, `x` has the part's rows, unless it is `shared`: not of the batch.
   *
   * @throws {RangeError} If something else of that name draws in the step.
   */
  forward(step: Step, x: Tensor, shared = false): Tensor {
    return dropout(step, x, this.p, this.#stream, shared);
  }
}
