/** A linear output layer over very many classes that computes only the scores that are needed. */

import type { TableDType } from "../kernels/device/dtype.ts";
import type { TileScorer } from "../kernels/loss/class_tiles.ts";
import { gather } from "../kernels/lookup/gather.ts";
import type { Gpu } from "../kernels/gpu.ts";
import { indexScore } from "../kernels/lookup/index_score.ts";
import { linearOfRows } from "../kernels/matmul/linear.ts";
import { linearScorer } from "../kernels/loss/linear_scorer.ts";
import type { Shard } from "../kernels/device/shard.ts";
import type { Step } from "../kernels/autograd/step.ts";
import { expectFloats, expectTensor, type Tensor } from "../kernels/device/tensor.ts";
import { expectOptions, expectTableOf } from "./nn/module.ts";
import { expectClasses, mapToFloats } from "./noise/noise.ts";
import { inputRows, type Scores } from "./scores.ts";
import { NCELoss } from "./nce_loss.ts";
import { NCE_OPTIONS, type NCEOptions } from "./nce_options.ts";

/** Settings of an {@linkcode IndexLinear}. */
export interface IndexLinearOptions extends NCEOptions {
  /** E, the size of an input vector. */
  embeddingDim: number;
  /** V, the number of classes. */
  numClasses: number;
  /** Whether the weight stores 32-bit floats (unless given) or 16-bit ones, {@linkcode Device.table}. */
  tableDtype?: TableDType;
  /** Seed of the initial weights; 0 unless given. */
  seed?: number;
  /** Which rows of weight and bias this rank holds; all unless given. */
  shard?: Shard;
}

/**
 * `s(y) = x . weight[y] + bias[y]` with any of the losses of {@linkcode NCELoss}.
 *
 * The bias starts at ln q + c, so that an untrained model is the noise; weights start uniform within
 * 1/sqrt(E). With shared noise all scores are dense matrix products. Parameters are `emb.weight` and
 * `bias.weight`, and `norm_term` if it is learned.
 */
export class IndexLinear extends NCELoss<[Tensor]> {
  /** [V, E], or a shard of it */
  readonly weight: Tensor;
  /** [V], or a shard of it */
  readonly bias: Tensor;

  /**
   * Throws a RangeError or a TypeError if an option is not usable, a vector is too large, or `noise` has not
   * `numClasses` elements; nothing is then left on the GPU.
   */
  constructor(gpu: Gpu, options: IndexLinearOptions) {
    const others = [...NCE_OPTIONS, "tableDtype", "seed", "shard"] as const;
    expectOptions("IndexLinear", gpu, options, ["embeddingDim", "numClasses"], others);
    const { embeddingDim, numClasses, seed = 0, tableDtype, shard, ...loss } = options;
    expectClasses("IndexLinear", loss.noise, numClasses);
    const shape = [numClasses, embeddingDim];
    expectTableOf("IndexLinear", gpu, shape, tableDtype, shard);
    super(gpu, loss);
    const init = { range: 1 / Math.sqrt(embeddingDim), seed };
    this.weight = this.tableParameter(gpu, "emb.weight", shape, init, tableDtype, shard);
    const c = this.initialNormTerm;
    const logProb = mapToFloats(this.noise.probabilities, (p) => Math.log(p) + c);
    this.bias = this.tableParameter(gpu, "bias.weight", [numClasses], logProb, "f32", shard);
  }

  /** Scores of `target` [N] and `noise` ([K] or [N, K]) for `input` [..., E]. */
  override getScore(step: Step, target: Tensor, noise: Tensor, input: Tensor): Scores {
    expectTensor("IndexLinear", "target", target);
    expectTensor("IndexLinear", "noise", noise);
    const x = this.#rows(step, input, target);
    const targetScore = indexScore(step, x, this.weight, this.bias, target);
    if (noise.shape.length === 2) {
      const noiseScore = indexScore(step, x, this.weight, this.bias, noise);
      return { target: targetScore, noise: noiseScore };
    }
    const weight = gather(step, this.weight, noise), bias = gather(step, this.bias, noise);
    return { target: targetScore, noise: linearOfRows(step, x, weight, bias) };
  }

  /** The scores of all classes for `input` [..., E], in tiles; of a shard, those of its classes. */
  override scoreAllClasses(step: Step, input: Tensor): TileScorer {
    return linearScorer(step, this.#rows(step, input), this.weight, this.bias);
  }

  #rows(step: Step, input: Tensor, target?: Tensor): Tensor {
    expectFloats("IndexLinear", step, { input });
    const E = this.weight.shape[1]!;
    return step.reshape(input, [inputRows(input, E, target), E]);
  }
}
