/** A stack of GRU layers. */

import type { Gpu } from "../kernels/gpu.ts";
import { gru, type GRUWeights } from "../kernels/gru.ts";
import type { Step } from "../kernels/step.ts";
import type { Tensor } from "../kernels/tensor.ts";
import { Dropout } from "./dropout.ts";
import { expectPositive, Module, type NamedParameter, uniformParameter } from "./module.ts";

/** Sizes and initial values of a {@linkcode GRU}. */
export interface GRUOptions {
  /** E, the size of an input vector. */
  inputSize: number;
  /** H, the size of a layer's state. */
  hiddenSize: number;
  /** Number of layers; 1 unless given. */
  numLayers?: number;
  /** Dropout between layers; 0 unless given. */
  dropout?: number;
  /** Seed of the initial values; 0 unless given. */
  seed?: number;
}

/** GRU layers, each fed with the states of the one below; parameters as in PyTorch's `nn.GRU`. */
export class GRU extends Module {
  /** Weights of each layer, the lowest first. */
  readonly layers: readonly GRUWeights[];
  readonly #dropouts: readonly Dropout[];

  /** Initial values are uniform within 1/sqrt(H). Throws a RangeError if a size is not positive. */
  constructor(gpu: Gpu, options: GRUOptions) {
    super();
    const { inputSize, hiddenSize, numLayers = 1, dropout = 0, seed = 0 } = options;
    expectPositive("GRU", "inputSize", inputSize);
    expectPositive("GRU", "hiddenSize", hiddenSize);
    expectPositive("GRU", "numLayers", numLayers);
    const make = (...shape: number[]) =>
      uniformParameter(gpu, shape, 1 / Math.sqrt(hiddenSize), seed);
    this.layers = Array.from({ length: numLayers }, (_, layer) => ({
      weightIh: make(3 * hiddenSize, layer === 0 ? inputSize : hiddenSize),
      weightHh: make(3 * hiddenSize, hiddenSize),
      biasIh: make(3 * hiddenSize),
      biasHh: make(3 * hiddenSize),
    }));
    this.#dropouts = this.layers.slice(1).map(() => new Dropout(gpu, dropout));
  }

  /**
   * x [T, B, E] to the top layer's states [T, B, H], and each layer's final state [B, H].
   * States begin at zero, or at `states`, through which no gradient flows.
   */
  forward(
    step: Step,
    x: Tensor,
    states: readonly Tensor[] = [],
  ): { output: Tensor; states: Tensor[] } {
    const finals: Tensor[] = [];
    let output = x;
    this.layers.forEach((weights, i) => {
      const input = i === 0 ? output : this.#dropouts[i - 1]!.forward(step, output);
      const layer = gru(step, input, weights, states[i]);
      output = layer.output;
      finals.push(layer.state);
    });
    return { output, states: finals };
  }

  /** `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, `weight_ih_l1`, ... */
  override parameters(): NamedParameter[] {
    return this.layers.flatMap((weights, i): NamedParameter[] => [
      [`weight_ih_l${i}`, weights.weightIh],
      [`weight_hh_l${i}`, weights.weightHh],
      [`bias_ih_l${i}`, weights.biasIh],
      [`bias_hh_l${i}`, weights.biasHh],
    ]);
  }
}
