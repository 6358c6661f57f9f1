/** The noise contrastive loss around any scorer: what IndexLinear and other index modules share. */

import { add, affine, scale } from "../kernels/elementwise.ts";
import type { Gpu } from "../kernels/gpu.ts";
import { nceLoss, sampledLoss } from "../kernels/noise_loss.ts";
import { mean, sum } from "../kernels/reduce.ts";
import type { Step } from "../kernels/step.ts";
import type { Tensor } from "../kernels/tensor.ts";
import { expectPositive, Module } from "../nn/module.ts";
import { AliasMultinomial } from "./alias.ts";
import type { NoiseSource } from "./noise.ts";

/** Which loss: exact cross entropy, NCE, sampled softmax, or the mean of the last two. */
export type LossType = "full" | "nce" | "sampled" | "mix";

/** What comes of the losses of single targets. */
export type Reduction = "none" | "elementwise_mean" | "sum";

/** Settings of a {@linkcode NCELoss}; the names follow the reference. */
export interface NCEOptions {
  /** [V] Counts or probabilities of the noise, one a class. */
  noise: ArrayLike<number>;
  /** k, the number of noise samples for a target; 100 unless given. */
  noiseRatio?: number;
  /** c, the assumed ln Z; `"auto"` (unless given) is ln V. */
  normTerm?: number | "auto";
  /** What comes of the losses of single targets; `"elementwise_mean"` unless given. */
  reduction?: Reduction;
  /** Draw noise for every target rather than once for all; false unless given. */
  perWord?: boolean;
  /** Which loss; `"nce"` unless given. */
  lossType?: LossType;
}

/** Scores of the targets and of their noise. */
export interface Scores {
  /** [N] */
  readonly target: Tensor;
  /** [N, K] */
  readonly noise: Tensor;
}

/**
 * Noise contrastive estimation for a scorer s(y) of classes.
 *
 * With noise q, k samples and norm term c:
 *
 * - `nce`: `G(y) = s(y) - c - ln q(y) - ln k`, `softplus(-G(target)) + sum_i softplus(G(noise_i))`;
 *   outside training `-(s(target) - c)`, the unnormalised negative log probability
 * - `sampled`: `l(y) = s(y) - c - ln q(y)`, `logsumexp(l(target), l(noise)) - l(target)`
 * - `mix`: the mean of both; only in training
 * - `full`: exact cross entropy, if the scorer has {@linkcode ceLoss}
 *
 * Sources: Gutmann and Hyvarinen 2010; Mnih and Teh 2012; Jean et al. 2015; Ma and Collins 2018.
 */
export abstract class NCELoss<Input extends readonly unknown[] = [Tensor]> extends Module {
  /** Which loss; may be set at any time. */
  lossType: LossType;
  /** k, the number of noise samples for a target. */
  readonly noiseRatio: number;
  /** c, the assumed ln Z. */
  readonly normTerm: number;
  /** What comes of the losses of single targets. */
  readonly reduction: Reduction;
  /** Whether noise is drawn for every target. */
  readonly perWord: boolean;
  /** Where noise comes from. */
  readonly noise: NoiseSource;
  #training = true;

  /** Throws a RangeError if the noise or the noise ratio is not usable. */
  constructor(gpu: Gpu, options: NCEOptions) {
    super();
    const { noiseRatio = 100, normTerm = "auto" } = options;
    expectPositive("NCELoss", "noiseRatio", noiseRatio);
    if (normTerm !== "auto" && !Number.isFinite(normTerm)) {
      throw new RangeError(`Cannot make NCELoss: normTerm is ${normTerm}, not a finite number`);
    }
    this.noise = new AliasMultinomial(gpu, options.noise);
    this.noiseRatio = noiseRatio;
    this.normTerm = normTerm === "auto" ? Math.log(this.noise.numClasses) : normTerm;
    this.reduction = options.reduction ?? "elementwise_mean";
    this.perWord = options.perWord ?? false;
    this.lossType = options.lossType ?? "nce";
  }

  /**
   * Scores of the targets [N] and of the noise: ids [K], shared by all targets, or [N, K].
   * To be written with the tensor operations of this module; gradients follow.
   */
  abstract getScore(step: Step, target: Tensor, noise: Tensor, ...input: Input): Scores;

  /** Exact cross entropy [N], for scorers that can normalise; throws unless overridden. */
  ceLoss(_step: Step, _target: Tensor, ..._input: Input): Tensor {
    throw new TypeError(`Cannot compute loss "full": ${this.constructor.name} has no ceLoss`);
  }

  /** Noise ids: [K] if shared, else [N, K]. */
  getNoise(step: Step, targets: number): Tensor {
    return this.noise.draw(step, this.perWord ? [targets, this.noiseRatio] : [this.noiseRatio]);
  }

  /** Compute training losses (in training steps); this is the state at first. */
  train(): this {
    this.#training = true;
    return this;
  }

  /** Compute what the loss is in evaluation, also in training steps. */
  eval(): this {
    this.#training = false;
    return this;
  }

  /**
   * The loss of `target`, ids of any shape; with reduction `"none"` it has that shape, else [1].
   *
   * @throws {TypeError} If the scorer cannot compute the loss, or `"mix"` is evaluated.
   * @throws {RangeError} If a target is not a class.
   */
  forward(step: Step, target: Tensor, ...input: Input): Tensor {
    const flat = step.own(target.reshape([target.size]));
    const loss = this.#loss(step, flat, input);
    switch (this.reduction) {
      case "none":
        return step.reshape(loss, target.shape);
      case "sum":
        return sum(step, loss);
      case "elementwise_mean":
        return mean(step, loss);
    }
  }

  #loss(step: Step, target: Tensor, input: Input): Tensor {
    if (this.lossType === "full") return this.ceLoss(step, target, ...input);
    const training = this.#training && step.training;
    const noise = this.getNoise(step, target.size);
    const scores = this.getScore(step, target, noise, ...input);
    if (this.lossType === "nce" && !training) return affine(step, scores.target, -1, this.normTerm);
    const all = {
      ...scores,
      targetLogProb: this.noise.logProb(step, target),
      noiseLogProb: this.noise.logProb(step, noise),
    };
    if (this.lossType === "nce") return nceLoss(step, all, this.normTerm);
    // The norm term cancels in a softmax.
    if (this.lossType === "sampled") return sampledLoss(step, all);
    if (!training) throw new TypeError('Cannot evaluate loss "mix": it is for training only');
    const both = add(step, nceLoss(step, all, this.normTerm), sampledLoss(step, all));
    return scale(step, both, 0.5);
  }

  /** Frees parameters and noise tables. */
  override dispose(): void {
    super.dispose();
    this.noise[Symbol.dispose]();
  }
}
