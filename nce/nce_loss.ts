/** The noise contrastive loss around any scorer: what IndexLinear and other index modules share. */

import { add, affine, multiply, scale } from "../kernels/elementwise/arithmetic.ts";
import {
  type NormalizedScores,
  tiledCrossEntropy,
  type TileScorer,
} from "../kernels/loss/cross_entropy.ts";
import type { Gpu } from "../kernels/gpu.ts";
import {
  logPartition,
  nceLoss,
  type NoiseScores,
  sampledLoss,
} from "../kernels/loss/noise_loss.ts";
import { mean, sum } from "../kernels/elementwise/reduce.ts";
import { countHits, exclude, subtractScalar } from "../kernels/loss/noise_scores.ts";
import type { Step } from "../kernels/autograd/step.ts";
import { expectIds, expectShape, expectStep, type Tensor } from "../kernels/device/tensor.ts";
import { expectOptions, Module, type NamedParameter, parameterOf } from "./nn/module.ts";
import { AliasMultinomial } from "./noise/alias_multinomial.ts";
import {
  checkedOptions,
  expectLossType,
  expectRatio,
  type LossType,
  type NCEOptions,
  type Reduction,
} from "./nce_options.ts";
import { isNoiseSource, type Noise, type NoiseSource } from "./noise/noise.ts";

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
 * - `nce`: `G(y) = s(y) - c - ln q(y) - ln k`, `softplus(-G(target)) + sum_i softplus(G(noise_i))`.
 *   Consistent (its optimum is the true p) if exp(c) is the partition function of every context, which a
 *   flexible model learns; outside training `-(s(target) - c)`, the unnormalised negative log probability.
 *   Hits (noise that equals the target) belong in: without them the optimum is ln(p / (1 - p)).
 * - `sampled`: `l(y) = s(y) - ln q(y)`, `logsumexp(l(target), l(noise)) - l(target)`: with hits kept, ranking
 *   NCE, consistent for any k, scores free up to a constant for each context. With hits removed the optimum
 *   is another one.
 * - `mix`: the mean of both; only in training.
 * - `neg`: `softplus(-s(target)) + sum_i softplus(s(noise_i))`, negative sampling. Its optimum is
 *   ln(p / (k q)): not a probability model.
 * - `full`: exact cross entropy, if there is a {@linkcode scorer} of all classes.
 *
 * Sources: Gutmann and Hyvarinen 2010; Mnih and Teh 2012; Mikolov et al. 2013 (`neg`); Jean et al. 2015;
 * Ma and Collins 2018.
 */
export abstract class NCELoss<Input extends readonly unknown[] = [Tensor]> extends Module {
  /** c, the assumed ln Z: a number, or a parameter [1]. */
  readonly normTerm: number | Tensor;
  /** What comes of the losses of single targets. */
  readonly reduction: Reduction;
  /** Whether noise is drawn for every target. */
  readonly perWord: boolean;
  /** Where noise comes from. */
  readonly noise: NoiseSource;
  readonly #removeHits: boolean;
  readonly #selfNorm: number;
  readonly #hits: Tensor;
  #lossType: LossType;
  #noiseRatio: number;
  #pairs = 0;
  #training = true;

  /** Throws a RangeError or a TypeError if an option is not usable. */
  constructor(gpu: Gpu, options: NCEOptions) {
    expectOptions("NCELoss", gpu, options);
    super(options.name);
    const { noise, normTerm, ...checked } = checkedOptions(options);
    this.#lossType = checked.lossType;
    this.#noiseRatio = checked.noiseRatio;
    this.noise = isNoiseSource(noise)
      ? noise
      : new AliasMultinomial(gpu, noise, this.path("noise"));
    const logClasses = Math.log(this.noise.numClasses);
    this.normTerm = normTerm === "auto"
      ? logClasses
      : normTerm === "learned"
      ? parameterOf(gpu, [1], Float32Array.of(logClasses))
      : normTerm;
    this.reduction = checked.reduction;
    this.perWord = checked.perWord;
    this.#removeHits = checked.removeHits;
    this.#selfNorm = checked.selfNorm;
    this.#hits = gpu.tensor([1], new Uint32Array(1));
  }

  /** Which loss; may be set at any time. */
  get lossType(): LossType {
    return this.#lossType;
  }

  /** Throws a RangeError if there is no such loss. */
  set lossType(lossType: LossType) {
    expectLossType(lossType);
    this.#lossType = lossType;
  }

  /** k, the number of noise samples for a target; may be set at any time. */
  get noiseRatio(): number {
    return this.#noiseRatio;
  }

  /** Throws a RangeError unless it is a positive integer, and one that the noise can draw. */
  set noiseRatio(noiseRatio: number) {
    expectRatio(noiseRatio, this.noise);
    this.#noiseRatio = noiseRatio;
  }

  /**
   * Scores of the targets [N] and of the noise: ids [K], shared by all targets, or [N, K].
   * To be written with the tensor operations of this module; gradients follow.
   */
  abstract getScore(step: Step, target: Tensor, noise: Tensor, ...input: Input): Scores;

  /** A scorer of all classes, if there is one: then the loss can be exact. */
  scorer?(step: Step, target: Tensor, ...input: Input): TileScorer;

  /**
   * Exact cross entropy [N] and its parts, for scorers that can score all classes.
   *
   * @throws {TypeError} If the scorer cannot.
   */
  ceLoss(step: Step, target: Tensor, ...input: Input): NormalizedScores & { loss: Tensor } {
    if (!this.scorer) {
      throw new TypeError(`Cannot compute loss "full": ${this.constructor.name} has no scorer`);
    }
    return tiledCrossEntropy(step, this.scorer(step, target, ...input), target);
  }

  /** The noise for targets [N]. */
  getNoise(step: Step, target: Tensor): Noise {
    const { noiseRatio, perWord } = this;
    return this.noise.sample(step, { target, noiseRatio, perWord });
  }

  /** c at the start of training. */
  protected get initialNormTerm(): number {
    const { normTerm } = this;
    return typeof normTerm === "number" ? normTerm : Math.log(this.noise.numClasses);
  }

  /** The norm term, if it is learned. Subclasses put their own parameters before. */
  override parameters(): NamedParameter[] {
    return typeof this.normTerm === "number" ? [] : [[this.path("norm_term"), this.normTerm]];
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
   * @throws {TypeError} If targets are floats, the scorer cannot compute the loss or gives scores of another
   *   shape, the noise does not suit the loss, or `"mix"` is evaluated.
   * @throws {RangeError} If a target is not a class.
   */
  forward(step: Step, target: Tensor, ...input: Input): Tensor {
    expectStep("NCELoss", step);
    expectIds("NCELoss", target, this.noise.numClasses, "targets");
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

  /** `-(s(target) - c)` [N] for the scores of targets: what a self-normalised model assigns. */
  unnormalized(step: Step, targetScore: Tensor): Tensor {
    const { normTerm } = this;
    if (typeof normTerm === "number") return affine(step, targetScore, -1, normTerm);
    return scale(step, subtractScalar(step, targetScore, normTerm), -1);
  }

  /** How many noise samples of training equalled their target since the last call, of how many. */
  async takeHits(gpu: Gpu): Promise<{ hits: number; samples: number }> {
    expectOptions("NCELoss", gpu, {});
    const [hits] = await gpu.read(this.#hits), samples = this.#pairs;
    gpu.write(this.#hits, new Uint32Array(1));
    this.#pairs = 0;
    return { hits: hits!, samples };
  }

  #loss(step: Step, target: Tensor, input: Input): Tensor {
    const { lossType } = this;
    if (lossType === "full") return this.ceLoss(step, target, ...input).loss;
    const training = this.#training && step.training;
    if (lossType === "nce" && !training) {
      const unused = step.upload(new Uint32Array(1)); // a scorer wants noise; its score is not looked at
      return this.unnormalized(step, this.getScore(step, target, unused, ...input).target);
    }
    const noise = this.getNoise(step, target);
    const scores = this.getScore(step, target, noise.ids, ...input);
    const N = target.size, K = noise.ids.shape[noise.ids.shape.length - 1]!;
    expectShape(`${this.constructor.name}.getScore`, "the target's score", scores.target, [N]);
    expectShape(`${this.constructor.name}.getScore`, "the noise's score", scores.noise, [
      N,
      K,
    ]);
    if (lossType === "mix" && !training) {
      throw new TypeError('Cannot evaluate loss "mix": it is for training only');
    }
    if (lossType !== "sampled" && !this.noise.independent) {
      throw new TypeError(`Cannot compute loss "${lossType}": it needs independent noise`);
    }
    const ids = { target, noise: noise.ids };
    if (training) this.#pairs += countHits(step.gpu, this.#hits, ids, noise.ownSlot);
    const removeHits = this.#removeHits && lossType === "sampled";
    const counted = this.#countedScores(step, target, noise, scores, removeHits);
    const loss = this.#contrast(step, counted);
    if (!training || this.#selfNorm === 0) return loss;
    // Z^ is an estimate of the whole sum: a hit is a part of it like any other sample.
    const all = removeHits ? this.#countedScores(step, target, noise, scores, false) : counted;
    const logZ = logPartition(step, this.#shifted(step, all));
    return add(step, loss, scale(step, multiply(step, logZ, logZ), this.#selfNorm));
  }

  /** The scores with what the loss has to know of their noise, and without samples that do not count. */
  #countedScores(
    step: Step,
    target: Tensor,
    noise: Noise,
    scores: Scores,
    hits: boolean,
  ): NoiseScores {
    const { logProb, targetLogProb, samples, ownSlot } = noise;
    const counted = ownSlot === undefined && !hits ? scores.noise : exclude(
      step,
      scores.noise,
      { target, noise: noise.ids },
      { hits, ...(ownSlot !== undefined && { ownSlot }) },
    );
    return {
      target: scores.target,
      noise: counted,
      noiseLogProb: logProb,
      targetLogProb,
      samples,
    };
  }

  #contrast(step: Step, scores: NoiseScores): Tensor {
    switch (this.lossType) {
      case "sampled":
        return sampledLoss(step, scores); // the norm term cancels in a softmax
      case "mix":
        return scale(step, add(step, this.#nce(step, scores), sampledLoss(step, scores)), 0.5);
      case "neg": {
        const noiseLogProb = scale(step, scores.noiseLogProb, 0);
        const targetLogProb = scale(step, scores.targetLogProb, 0);
        return nceLoss(step, { ...scores, noiseLogProb, targetLogProb, samples: 1 }, 0);
      }
      default:
        return this.#nce(step, scores);
    }
  }

  #nce(step: Step, scores: NoiseScores): Tensor {
    const { normTerm } = this;
    if (typeof normTerm === "number") return nceLoss(step, scores, normTerm);
    return nceLoss(step, this.#shifted(step, scores), 0);
  }

  /** The scores less the norm term. */
  #shifted(step: Step, scores: NoiseScores): NoiseScores {
    const { normTerm } = this;
    const shift = (score: Tensor) =>
      typeof normTerm === "number"
        ? affine(step, score, 1, -normTerm)
        : subtractScalar(step, score, normTerm);
    return { ...scores, target: shift(scores.target), noise: shift(scores.noise) };
  }

  /** Frees parameters and noise tables. */
  override dispose(): void {
    super.dispose();
    this.#hits.dispose();
    this.noise[Symbol.dispose]();
  }
}
