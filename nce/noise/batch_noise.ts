/** Self-contrast: the other targets of the batch are the noise. */

import { concatIds } from "../../kernels/accumulate/concat_ids.ts";
import { logMix } from "../../kernels/elementwise/arithmetic.ts";
import { show } from "../../kernels/device/expect.ts";
import { gather } from "../../kernels/lookup/gather.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { type BatchPart, wholeRows } from "../../kernels/random/part.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import { expectIds, type Tensor } from "../../kernels/device/tensor.ts";
import { expectGpu } from "../nn/module.ts";
import {
  expectRequest,
  expectSource,
  isNoiseSource,
  mapToFloats,
  type Noise,
  type NoiseRequest,
  type NoiseSource,
  normalizeNoise,
} from "./noise.ts";

/**
 * The other targets of the batch are a target's noise; another source may add samples. A target's own place
 * is left out. Equal words elsewhere in the batch stay in, as NCE requires.
 *
 * In shuffled batches targets come from the unigram distribution, so that is q. With another source
 * q' of k' samples, samples and targets come from the mixture `(n q + k' q') / (n + k')`, n = N - 1.
 *
 * Source: the batch noise contrastive estimation (B-NCE) of arXiv 1708.05997.
 */
export class BatchNoise implements NoiseSource {
  /** Where the tables lie. */
  readonly gpu: Gpu;
  /** V, the number of classes. */
  readonly numClasses: number;
  /** [V] The unigram distribution. */
  readonly probabilities: Float64Array;
  /** The other targets count as independent draws. */
  readonly independent = true;
  /** The targets are noise themselves. */
  readonly fromBatch = true;
  readonly #logProb: Tensor;
  readonly #more: MoreNoise | undefined;

  /**
   * `counts` are those of the targets. `more` adds samples; it then belongs to this source, which disposes of
   * it.
   *
   * @throws {RangeError} If the counts are empty, all zero, or one is negative or not finite, or if `more` has
   *   other classes.
   * @throws {TypeError} If `counts` is not an array of numbers, or `more` not a source with `logProb()` on this Gpu.
   */
  constructor(gpu: Gpu, counts: ArrayLike<number>, more?: MoreNoise) {
    expectGpu("make BatchNoise", gpu);
    this.gpu = gpu;
    this.probabilities = normalizeNoise(counts);
    this.numClasses = this.probabilities.length;
    if (more !== undefined && !(isNoiseSource(more) && "logProb" in more)) {
      throw new TypeError(
        `Cannot make BatchNoise: more is ${show(more)}, not a source with logProb()`,
      );
    }
    if (more && more.numClasses !== this.numClasses) {
      throw new RangeError(
        `Cannot mix noise over ${this.numClasses} classes with noise over ${more.numClasses}`,
      );
    }
    if (more) expectSource("make BatchNoise", gpu, more);
    this.#logProb = gpu.table([this.numClasses], mapToFloats(this.probabilities, Math.log));
    this.#more = more;
  }

  /**
   * The targets, and k samples of the other source if there is one.
   *
   * @throws {RangeError} If there are fewer than two targets.
   * @throws {TypeError} If noise for every word is asked for.
   */
  sample(step: Step, request: NoiseRequest): Noise {
    expectRequest("BatchNoise", step, request);
    const { target, perWord } = request, { part } = step;
    const others = wholeRows(part, target.size) - 1;
    if (others < 1) throw new RangeError("Cannot use batch noise with fewer than two targets");
    if (perWord) throw new TypeError("Cannot draw batch noise for every word: it is shared");
    const all = part ? wholeTargets(step, part) : target;
    const more = this.#more?.sample(step, request);
    if (!more) {
      const targetLogProb = gather(step, this.#logProb, target);
      const logProb = part ? gather(step, this.#logProb, all) : targetLogProb;
      return { ids: all, logProb, targetLogProb, samples: others, ownSlot: 0 };
    }
    for (const part of [all, more.ids]) expectIds("BatchNoise", part, this.numClasses);
    const ids = step.markShared(step.own(concatIds(step.gpu, [all, more.ids])));
    ids.idLimit = this.numClasses;
    const logProb = this.#mixed(step, ids, others, more.samples);
    return {
      ids,
      logProb,
      targetLogProb: this.#mixed(step, target, others, more.samples),
      samples: others + more.samples,
      ownSlot: 0,
    };
  }

  #mixed(step: Step, ids: Tensor, others: number, more: number): Tensor {
    const part = others / (others + more);
    const unigram = gather(step, this.#logProb, ids);
    return logMix(step, unigram, this.#more!.logProb(step, ids), part, 1 - part);
  }

  /** Frees the table and the other source. */
  [Symbol.dispose](): void {
    this.#logProb.dispose();
    this.#more?.[Symbol.dispose]();
  }
}

/** A source whose ln q is known for any id. */
export interface MoreNoise extends NoiseSource {
  /** ln q of each id. */
  logProb(step: Step, ids: Tensor): Tensor;
}

/** The targets of the batch of which the step computes a part. */
function wholeTargets(step: Step, { targets }: BatchPart): Tensor {
  if (targets) return step.markShared(step.upload(targets));
  throw new TypeError("Cannot use batch noise for a part of a batch: the part lacks `targets`");
}
