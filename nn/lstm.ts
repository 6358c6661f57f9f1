/** A stack of LSTM layers. */

import type { Gpu } from "../kernels/gpu.ts";
import { lstm, type LSTMState, type LSTMWeights } from "../kernels/lstm.ts";
import type { Step } from "../kernels/step.ts";
import type { Tensor } from "../kernels/tensor.ts";
import { Dropout } from "./dropout.ts";
import { expectPositive, Module, type NamedParameter, uniformParameter } from "./module.ts";

/** Sizes and initial values of an {@linkcode LSTM}. */
export interface LSTMOptions {
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

/** LSTM layers, each fed with the states of the one below; parameters as in PyTorch's `nn.LSTM`. */
export class LSTM extends Module {
  /** Weights of each layer, the lowest first. */
  readonly layers: readonly LSTMWeights[];
  readonly #dropouts: readonly Dropout[];

  /** Initial values are uniform within 1/sqrt(H). Throws a RangeError if a size is not positive. */
  constructor(gpu: Gpu, options: LSTMOptions) {
    super();
    const { inputSize, hiddenSize, numLayers = 1, dropout = 0, seed = 0 } = options;
    expectPositive("LSTM", "inputSize", inputSize);
    expectPositive("LSTM", "hiddenSize", hiddenSize);
    expectPositive("LSTM", "numLayers", numLayers);
    const make = (...shape: number[]) =>
      uniformParameter(gpu, shape, 1 / Math.sqrt(hiddenSize), seed);
    this.layers = Array.from({ length: numLayers }, (_, layer) => ({
      weightIh: make(4 * hiddenSize, layer === 0 ? inputSize : hiddenSize),
      weightHh: make(4 * hiddenSize, hiddenSize),
      biasIh: make(4 * hiddenSize),
      biasHh: make(4 * hiddenSize),
    }));
    this.#dropouts = this.layers.slice(1).map(() => new Dropout(gpu, dropout));
  }

  /**
   * x [T, B, E] to the top layer's states [T, B, H], and each layer's final state.
   * States begin at zero, or at `states`, through which no gradient flows.
   */
  forward(
    step: Step,
    x: Tensor,
    states: readonly LSTMState[] = [],
  ): { output: Tensor; states: LSTMState[] } {
    const finals: LSTMState[] = [];
    let output = x;
    this.layers.forEach((weights, i) => {
      const input = i === 0 ? output : this.#dropouts[i - 1]!.forward(step, output);
      const layer = lstm(step, input, weights, states[i]);
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
