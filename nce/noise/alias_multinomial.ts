/** A fixed categorical distribution with O(1) draws on the GPU. */

import { aliasDraw, aliasDrawInto, aliasTable } from "../../kernels/random/alias.ts";
import { expectInteger, MAX_WORD } from "../../kernels/device/expect.ts";
import { gather } from "../../kernels/lookup/gather.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import type { BatchPart } from "../../kernels/random/part.ts";
import { RandomStream } from "../../kernels/random/stream.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import { expectStep, type Tensor } from "../../kernels/device/tensor.ts";
import { expectGpu } from "../nn/module.ts";
import {
  expectRequest,
  mapToFloats,
  type Noise,
  type NoiseRequest,
  type NoiseSource,
  normalizeNoise,
} from "./noise.ts";

/**
 * Draws from a categorical distribution by the alias method, in constant time whatever its size. Words of 32 bits
 * pick the column and the class in it, so a class's probability is off by at most V / 2^32 of itself plus 2^-33.
 *
 * Sources: Walker 1977; Vose 1991 (how the tables are made).
 *
 * @example
 * ```ts ignore
 * const noise = new AliasMultinomial(gpu, [5, 3, 2]);
 * using step = gpu.step({ seed: 1 });
 * const ids = noise.draw(step, [100]);
 * ```
 */
export class AliasMultinomial implements NoiseSource {
  /** Where the tables lie. */
  readonly gpu: Gpu;
  /** V, the number of classes. */
  readonly numClasses: number;
  /** [V] Probabilities as used: floored at 1e-10 and normalised. */
  readonly probabilities: Float64Array;
  /** Draws are independent. */
  readonly independent = true;
  /** The table on the CPU, where few need it. */
  #table: Uint32Array | undefined;
  readonly #gpuTable: Tensor;
  readonly #logProb: Tensor;
  readonly #stream: RandomStream;

  /**
   * `noise` holds counts or probabilities, one a class; `name` is the source's path in its model.
   *
   * @throws {RangeError} If it is empty, all zero, or has a negative or non-finite element.
   * @throws {TypeError} If it is not an array of numbers.
   */
  constructor(gpu: Gpu, noise: ArrayLike<number>, name = "noise") {
    expectGpu("make AliasMultinomial", gpu);
    this.gpu = gpu;
    this.#stream = new RandomStream(name);
    this.probabilities = normalizeNoise(noise);
    this.numClasses = this.probabilities.length;
    this.#gpuTable = gpu.table([this.numClasses, 2], aliasTable(this.probabilities));
    this.#logProb = gpu.table([this.numClasses], mapToFloats(this.probabilities, Math.log));
  }

  /** Ids drawn with replacement, in a tensor of this shape; a function of the step's seed and number. */
  draw(step: Step, shape: readonly number[]): Tensor {
    expectStep("AliasMultinomial", step);
    return this.#draw(step, shape);
  }

  #draw(step: Step, shape: readonly number[], part?: BatchPart): Tensor {
    const ids = step.tensor(shape, "u32");
    aliasDrawInto(step.gpu, ids, this.#gpuTable, step.randomKey(this.#stream), part);
    ids.idLimit = this.numClasses;
    return ids;
  }

  /** The first `n` ids that {@linkcode draw} gives for this seed and step number, from the CPU. */
  drawOnCpu(n: number, seed: number, step: number): Uint32Array {
    expectInteger("draw noise", "n", n, MAX_WORD);
    expectInteger("draw noise", "step", step, MAX_WORD);
    this.#table ??= aliasTable(this.probabilities);
    return aliasDraw(this.#table, n, { seed, stream: this.#stream.id, step });
  }

  /** ln of the probability of each id, in the shape of `ids`. */
  logProb(step: Step, ids: Tensor): Tensor {
    return gather(step, this.#logProb, ids);
  }

  /** Draws noise: [k] ids, or [N, k] if every target gets its own. */
  sample(step: Step, request: NoiseRequest): Noise {
    expectRequest("AliasMultinomial", step, request);
    const { target, noiseRatio, perWord } = request;
    if (perWord) {
      return this.noiseOf(step, target, this.#draw(step, [target.size, noiseRatio], step.part));
    }
    return this.noiseOf(step, target, step.markShared(this.#draw(step, [noiseRatio])));
  }

  /** The noise that these ids ([K] or [N, K]) would be if they had been drawn. */
  noiseOf(step: Step, target: Tensor, ids: Tensor): Noise {
    return {
      ids,
      logProb: this.logProb(step, ids),
      targetLogProb: this.logProb(step, target),
      samples: ids.shape[ids.shape.length - 1]!,
    };
  }

  /** Frees the tables. */
  [Symbol.dispose](): void {
    this.#gpuTable.dispose();
    this.#logProb.dispose();
  }
}
