/** Noise without repeats, with exact inclusion probabilities. */

import { gather } from "../../kernels/lookup/gather.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { RandomStream } from "../../kernels/random/stream.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import { systematicDrawInto, systematicTable } from "../../kernels/random/systematic.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import { expectGpu } from "../nn/module.ts";
import {
  expectDrawable,
  expectRequest,
  mapToFloats,
  type Noise,
  type NoiseRequest,
  type NoiseSource,
  normalizeNoise,
} from "./noise.ts";

/**
 * k different classes for a sampled softmax, each with probability `min(alpha q, 1)`.
 *
 * Systematic sampling is exact and needs no retry loop. In the loss, ln q is the log of inclusion / k, the
 * expected count per draw. Binary NCE requires independent draws and refuses this source.
 *
 * Source: Madow 1949.
 */
export class UniqueNoise implements NoiseSource {
  /** Where the tables lie. */
  readonly gpu: Gpu;
  /** V, the number of classes. */
  readonly numClasses: number;
  /** [V] q of each class. */
  readonly probabilities: Float64Array;
  /** [V] Probability that a class is among the k samples. */
  readonly inclusion: Float64Array;
  /** The samples depend on each other: none repeats. */
  readonly independent = false;
  /** k, the number of samples. */
  readonly noiseRatio: number;
  readonly #cumulative: Tensor;
  readonly #logProb: Tensor;
  readonly #stream: RandomStream;

  /**
   * `noise` holds counts or probabilities; `name` is the source's path in its model.
   *
   * @throws {RangeError} Unless 1 <= k <= V, or if `noise` is empty, all zero, or has a negative or non-finite
   *   element.
   * @throws {TypeError} If `noise` is not an array of numbers.
   */
  constructor(gpu: Gpu, noise: ArrayLike<number>, k: number, name = "noise") {
    expectGpu("make UniqueNoise", gpu);
    this.gpu = gpu;
    this.#stream = new RandomStream(name);
    this.probabilities = normalizeNoise(noise);
    this.numClasses = this.probabilities.length;
    this.noiseRatio = k;
    const { inclusion, cumulative } = systematicTable(this.probabilities, k);
    this.inclusion = inclusion;
    this.#cumulative = gpu.table([this.numClasses, 2], cumulative);
    const logProb = mapToFloats(inclusion, (p) => Math.log(p / k));
    this.#logProb = gpu.table([this.numClasses], logProb);
  }

  /**
   * k different ids, shared by all targets.
   *
   * @throws {RangeError} If the request is for another number of samples than the source was made for.
   * @throws {TypeError} If the request is for noise for every word.
   */
  sample(step: Step, request: NoiseRequest): Noise {
    expectRequest("UniqueNoise", step, request);
    const { target, noiseRatio, perWord } = request;
    expectDrawable(noiseRatio, this);
    if (perWord) throw new TypeError("Cannot draw unique noise for every word: it is shared");
    const ids = step.tensor([noiseRatio], "u32");
    systematicDrawInto(step.gpu, ids, this.#cumulative, step.randomKey(this.#stream));
    ids.idLimit = this.numClasses;
    return {
      ids: step.markShared(ids),
      logProb: gather(step, this.#logProb, ids),
      targetLogProb: gather(step, this.#logProb, target),
      samples: noiseRatio,
    };
  }

  /** Frees the tables. */
  [Symbol.dispose](): void {
    this.#cumulative.dispose();
    this.#logProb.dispose();
  }
}
