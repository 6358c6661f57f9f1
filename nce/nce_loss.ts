/** The noise contrastive loss for any scorer: IndexLinear and IndexGRU extend it. */

import { add, multiply, scale } from "../kernels/elementwise/arithmetic.ts";
import type { TileScorer } from "../kernels/loss/class_tiles.ts";
import { type NormalizedScores, tiledCrossEntropy } from "../kernels/loss/cross_entropy.ts";
import { Memo } from "../kernels/device/memo.ts";
import type { Gpu } from "../kernels/gpu.ts";
import { logPartition } from "../kernels/loss/noise_loss.ts";
import { type TopK, topK } from "../kernels/loss/top_k.ts";
import { mean, sum } from "../kernels/elementwise/reduce.ts";
import type { Step } from "../kernels/autograd/step.ts";
import { expectPositive } from "../kernels/device/expect.ts";
import { expectIds, expectStep, type Tensor } from "../kernels/device/tensor.ts";
import { expectWhole, Module, type NamedParameter, nameOf, parameter } from "./nn/module.ts";
import { AliasMultinomial } from "./noise/alias_multinomial.ts";
import { HitCounter } from "./hit_counter.ts";
import {
  contrast,
  countedScores,
  expectContrast,
  expectScores,
  type Scores,
  shifted,
  shiftedScores,
  unnormalized,
} from "./scores.ts";
import {
  checkedOptions,
  expectLossType,
  expectRatio,
  type LossType,
  type NCEOptions,
  type Reduction,
} from "./nce_options.ts";
import { expectNoise, isNoiseSource, type Noise, type NoiseSource } from "./noise/noise.ts";

/**
 * Noise contrastive estimation for a scorer s(y) of classes.
 *
 * With noise q, k samples and norm term c:
 *
 * - `nce`: `G(y) = s(y) - c - ln q(y) - ln k`, `softplus(-G(target)) + sum_i softplus(G(noise_i))`.
 *   Consistent (its optimum is the true p) if exp(c) is the partition function of every context, which a
 *   flexible model learns; outside training `-(s(target) - c)`, the unnormalised negative log probability.
 *   Hits (noise that equals the target) must stay in: without them the optimum is ln(p / (1 - p)).
 * - `sampled`: `l(y) = s(y) - ln q(y)`, `logsumexp(l(target), l(noise)) - l(target)`: with hits kept, ranking
 *   NCE, consistent for any k, scores free up to a constant for each context. With hits removed the optimum
 *   is another one.
 * - `mix`: the mean of both; only in training.
 * - `neg`: `softplus(-s(target)) + sum_i softplus(s(noise_i))`, negative sampling. Its optimum is
 *   ln(p / (k q)): not a probability model.
 * - `full`: exact cross entropy, if there is a {@linkcode scoreAllClasses}.
 *
 * {@linkcode lossType} and {@linkcode noiseRatio} may be set at any time: to test a layer that was trained by `nce` with
 * the exact loss, set `"full"`.
 *
 * In training, `selfNorm` alpha adds `alpha (ln Z - c)^2` to any of them: with the exact ln Z in `full`, else with
 * its estimate {@linkcode logPartition} from the noise. With a learned c it is the variance of ln Z that falls.
 *
 * Sources: Gutmann and Hyvarinen 2010; Mnih and Teh 2012; Mikolov et al. 2013 (`neg`); Jean et al. 2015;
 * Ma and Collins 2018; Devlin et al. 2014 (`selfNorm`); Chen et al. 2015 (the variance).
 */
export abstract class NCELoss<Input extends readonly unknown[] = [Tensor]> extends Module {
  /** How the losses of the targets are combined. */
  readonly reduction: Reduction;
  /** Whether each target gets its own noise. */
  readonly perWord: boolean;
  /** Where noise comes from. */
  readonly noise: NoiseSource;
  readonly #normTerm: number | Tensor;
  readonly #removeHits: boolean;
  readonly #selfNorm: number;
  readonly #hits: HitCounter;
  readonly #drawn = new Memo<Noise>();
  #lossType: LossType;
  #noiseRatio: number;

  /** Throws a RangeError or a TypeError if an option is not usable, or is none of these: a subclass keeps its own. */
  constructor(gpu: Gpu, options: NCEOptions) {
    const { noise, normTerm, ...checked } = checkedOptions(nameOf(new.target), gpu, options);
    super(checked.name);
    this.#lossType = checked.lossType;
    this.#noiseRatio = checked.noiseRatio;
    this.noise = isNoiseSource(noise)
      ? noise
      : new AliasMultinomial(gpu, noise, this.path("noise"));
    const logClasses = Math.log(this.noise.numClasses);
    this.#normTerm = normTerm === "auto"
      ? logClasses
      : normTerm === "learned"
      ? parameter(gpu, this.path("norm_term"), [1], Float32Array.of(logClasses))
      : normTerm;
    this.reduction = checked.reduction;
    this.perWord = checked.perWord;
    this.#removeHits = checked.removeHits;
    this.#selfNorm = checked.selfNorm;
    this.#hits = new HitCounter(gpu);
  }

  /** c, the assumed ln Z: a number, or a parameter [1]. */
  get normTerm(): number | Tensor {
    return this.#normTerm;
  }

  /** Which loss; may be set at any time. */
  get lossType(): LossType {
    return this.#lossType;
  }

  /** Throws a RangeError if there is no such loss. */
  set lossType(lossType: LossType) {
    expectLossType(`set ${this.#className}`, lossType);
    this.#lossType = lossType;
  }

  /** k, the number of noise samples for a target; may be set at any time. */
  get noiseRatio(): number {
    return this.#noiseRatio;
  }

  /** Throws a RangeError unless it is a positive integer, and one that the noise can draw. */
  set noiseRatio(noiseRatio: number) {
    expectRatio(`set ${this.#className}`, noiseRatio, this.noise);
    this.#noiseRatio = noiseRatio;
  }

  /**
   * Scores of the targets [N] and of the noise: ids [K], shared by all targets, or [N, K].
   * Write it with the operations of `@nce/nce/ops`; gradients follow from them.
   */
  abstract getScore(step: Step, target: Tensor, noise: Tensor, ...input: Input): Scores;

  /** Scores all classes; subclasses that have it can compute the exact loss and find the best classes. */
  scoreAllClasses?(step: Step, ...input: Input): TileScorer;

  /**
   * Exact cross entropy [N] and its parts, of ids of any shape, for scorers that can score all classes.
   *
   * @throws {TypeError} If the scorer cannot, or there are not as many targets as rows of input.
   */
  ceLoss(step: Step, target: Tensor, ...input: Input): NormalizedScores & { loss: Tensor } {
    const doing = 'compute loss "full"', flat = this.#flat(step, target);
    const scorer = this.#allClasses(doing, step, input);
    if (flat.size === scorer.rows) return tiledCrossEntropy(step, scorer, flat);
    const what = `${flat.size} targets for ${scorer.rows} rows of input`;
    throw new TypeError(`Cannot ${doing}: ${what}`);
  }

  /**
   * The `k` classes with the highest scores for each row of `input`, and these scores, as {@linkcode topK}
   * says: what a recommender shows, or what a text goes on with.
   *
   * @throws {TypeError} If there is no scorer of all classes.
   * @throws {RangeError} Unless `k` is an integer from 1 to 1,024 and there are as many classes.
   */
  topK(step: Step, k: number, ...input: Input): TopK {
    expectPositive("run topK", "k", k);
    expectWhole("run topK", this.parameters());
    return topK(step, this.#allClasses("run topK", step, input), k);
  }

  /** The noise for targets [N]. */
  getNoise(step: Step, target: Tensor): Noise {
    const { noiseRatio, perWord } = this;
    const noise = this.noise.sample(step, { target, noiseRatio, perWord });
    expectNoise(noise, target, perWord);
    return noise;
  }

  /**
   * The classes whose scores the loss of `target` needs, as ids: what a step fetches of divided tables. The
   * loss is contrasted with the noise that is drawn here.
   */
  scoredClasses(step: Step, target: Tensor): Tensor[] {
    const flat = this.#flat(step, target);
    const needsNoise = this.lossType !== "full" && !this.#isUnnormalized(step);
    return needsNoise ? [flat, this.#noiseOf(step, target, flat).ids] : [flat];
  }

  /** c at the start of training. */
  protected get initialNormTerm(): number {
    const { normTerm } = this;
    return typeof normTerm === "number" ? normTerm : Math.log(this.noise.numClasses);
  }

  /** The scorer's parameters, and `norm_term` if it is learned. */
  override parameters(): NamedParameter[] {
    const { normTerm } = this, own = super.parameters();
    return typeof normTerm === "number" ? own : [...own, [this.path("norm_term"), normTerm]];
  }

  /**
   * The loss of `target`, ids of any shape; with reduction `"none"` it has that shape, else [1].
   *
   * @throws {TypeError} If targets are floats, the scorer cannot compute the loss or gives scores of another
   *   shape, the noise does not suit the loss, or `"mix"` is evaluated.
   * @throws {RangeError} If a target is not a class.
   */
  forward(step: Step, target: Tensor, ...input: Input): Tensor {
    const loss = this.#loss(step, target, input);
    switch (this.reduction) {
      case "none":
        return step.reshape(loss, target.shape);
      case "sum":
        return sum(step, loss);
      case "mean":
        return mean(step, loss);
    }
  }

  /**
   * How many noise samples of training equalled their target since the last call, of how many. They are counted
   * when a loss goes backward: those of targets that it depends on, so not of padding whose weight is 0.
   */
  takeHits(): Promise<{ hits: number; samples: number }> {
    return this.#hits.take();
  }

  get #className(): string {
    return nameOf(this.constructor);
  }

  /** The ids `target` as [N]; throws unless they are classes of the noise. */
  #flat(step: Step, target: Tensor): Tensor {
    expectStep(this.#className, step);
    expectIds(this.#className, target, this.noise.numClasses, "targets");
    return step.own(target.reshape([target.size]));
  }

  #allClasses(doing: string, step: Step, input: Input): TileScorer {
    if (this.scoreAllClasses) return this.scoreAllClasses(step, ...input);
    throw new TypeError(`Cannot ${doing}: ${this.#className} has no scoreAllClasses()`);
  }

  /** The noise for `target`, whose ids are `flat` [N], drawn once a step: before the loss if rows are fetched for it. */
  #noiseOf(step: Step, target: Tensor, flat: Tensor): Noise {
    return this.#drawn.get(step, [target], [this.noiseRatio], () => this.getNoise(step, flat));
  }

  /** Whether the loss is the unnormalised negative log probability, which needs no noise. */
  #isUnnormalized(step: Step): boolean {
    return this.lossType === "nce" && !step.training;
  }

  #loss(step: Step, given: Tensor, input: Input): Tensor {
    const { lossType } = this;
    if (lossType === "full") {
      expectWhole('compute loss "full"', this.parameters());
      const { loss, logZ } = this.ceLoss(step, given, ...input);
      return this.#penalized(step, loss, () => shifted(step, logZ, this.normTerm));
    }
    const target = this.#flat(step, given);
    if (this.#isUnnormalized(step)) {
      const unused = step.own(target.slice(0, 1)); // getScore needs noise; its score is not used
      const scores = this.getScore(step, target, unused, ...input);
      return unnormalized(step, scores.target, this.normTerm);
    }
    expectContrast(lossType, step.training, this.noise);
    const noise = this.#noiseOf(step, given, target);
    const scores = this.getScore(step, target, noise.ids, ...input);
    expectScores(`${this.#className}.getScore`, scores, target, noise);
    const removeHits = this.#removeHits && lossType === "sampled";
    const counted = countedScores(step, target, noise, scores, removeHits);
    const unwatched = contrast(step, lossType, counted, this.normTerm);
    const loss = step.training ? this.#hits.watch(step, unwatched, target, noise) : unwatched;
    return this.#penalized(step, loss, () => {
      // Z^ estimates the whole sum: a hit is a sample like any other.
      const all = removeHits ? countedScores(step, target, noise, scores, false) : counted;
      return logPartition(step, shiftedScores(step, all, this.normTerm));
    });
  }

  /** In training `loss + alpha logZ^2`, where `logZ` is less the norm term; else the loss itself. */
  #penalized(step: Step, loss: Tensor, logZ: () => Tensor): Tensor {
    if (!step.training || this.#selfNorm === 0) return loss;
    const shiftedLogZ = logZ(), square = multiply(step, shiftedLogZ, shiftedLogZ);
    return add(step, loss, scale(step, square, this.#selfNorm));
  }

  /** Frees parameters and noise tables. */
  override dispose(): void {
    super.dispose();
    this.#hits[Symbol.dispose]();
    this.noise[Symbol.dispose]();
  }
}
