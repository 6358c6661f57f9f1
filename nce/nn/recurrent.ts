/** Stacks of recurrent layers: LSTM and GRU. */

import {
  expectFraction,
  expectList,
  expectNumber,
  expectObject,
  expectPositive,
} from "../../kernels/device/expect.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import { gru } from "../../kernels/recurrent/gru.ts";
import { lstm, type LSTMState } from "../../kernels/recurrent/lstm.ts";
import type { RecurrentStart, RecurrentWeights } from "../../kernels/recurrent/recurrent.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import { Dropout } from "./dropout.ts";
import { expectOptions, Module, nameOf } from "./module.ts";

/** Sizes and initial values of a stack of recurrent layers. */
export interface RecurrentOptions {
  /** E, the size of an input vector. */
  inputSize: number;
  /** H, the size of a layer's state. */
  hiddenSize: number;
  /** Number of layers, 1,024 at most; 1 unless given. */
  numLayers?: number;
  /** Dropout between layers; 0 unless given. */
  dropout?: number;
  /** Seed of the initial values; 0 unless given. */
  seed?: number;
  /** The stack's path in its model, as in "rnn"; empty unless given. */
  name?: string;
}

/** The states that a stack of layers begins with, and where it resets them. */
export interface RecurrentInput<State> {
  /** Each layer's state before the first step, through which no gradient flows; zero if there are none. */
  states?: readonly State[];
  /** Ids [T, B]: where not 0, all states are set to zero before the element. */
  resets?: Tensor | undefined;
}

/** The largest number of layers in a stack. */
const MAX_LAYERS = 1024;

/** Throws a RangeError unless the layers can be made. */
export function expectRecurrent(
  name: string,
  gpu: Gpu,
  options: RecurrentOptions,
  gates: number,
): void {
  expectOptions(name, gpu, options, ["inputSize", "hiddenSize"], [
    "numLayers",
    "dropout",
    "seed",
    "name",
  ]);
  expectPositive(`make ${name}`, "gates", gates);
  const { inputSize, hiddenSize, numLayers = 1, dropout = 0 } = options;
  const valid = (count: number) => Number.isInteger(count) && count > 0 && count <= MAX_LAYERS;
  expectNumber(`make ${name}`, "numLayers", numLayers, valid, `an integer from 1 to ${MAX_LAYERS}`);
  expectFraction(`make ${name}`, "dropout", dropout);
  gpu.expectFitting([gates * hiddenSize, inputSize], [gates * hiddenSize, hiddenSize]);
}

/**
 * Recurrent layers, each fed with the states of the one below; `State` is a layer's state. Parameters are
 * `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, `weight_ih_l1`, ...
 */
export abstract class Recurrent<State> extends Module {
  /** Weights of each layer, the lowest first. */
  readonly layers: readonly RecurrentWeights[];
  readonly #dropouts: readonly Dropout[];

  /**
   * Layers of `gates` gates, with initial values uniform within 1/sqrt(H).
   *
   * @throws {RangeError} If an option is out of range, or a weight too large.
   */
  constructor(gpu: Gpu, gates: number, options: RecurrentOptions) {
    expectRecurrent(nameOf(new.target), gpu, options, gates);
    super(options.name);
    const { inputSize, hiddenSize, numLayers = 1, dropout = 0, seed = 0 } = options;
    const init = { range: 1 / Math.sqrt(hiddenSize), seed };
    const make = (name: string, ...shape: number[]) => this.parameter(gpu, name, shape, init);
    this.layers = Array.from({ length: numLayers }, (_, i) => ({
      weightIh: make(`weight_ih_l${i}`, gates * hiddenSize, i === 0 ? inputSize : hiddenSize),
      weightHh: make(`weight_hh_l${i}`, gates * hiddenSize, hiddenSize),
      biasIh: make(`bias_ih_l${i}`, gates * hiddenSize),
      biasHh: make(`bias_hh_l${i}`, gates * hiddenSize),
    }));
    const between = this.layers.slice(1);
    this.#dropouts = between.map((_, i) => new Dropout(dropout, this.path(`dropout_l${i}`)));
  }

  /** One layer over time. */
  protected abstract layer(
    step: Step,
    x: Tensor,
    weights: RecurrentWeights,
    start: RecurrentStart<State>,
  ): { output: Tensor; state: State };

  /** x [T, B, E] to the top layer's states [T, B, H], and each layer's final state. */
  forward(
    step: Step,
    x: Tensor,
    input: RecurrentInput<State> = {},
  ): { output: Tensor; states: State[] } {
    const name = nameOf(this.constructor);
    expectObject(`run ${name}`, "input", input, "an object");
    const { states = [], resets } = input;
    expectList(`run ${name}`, "states", states);
    if (states.length > 0 && states.length !== this.layers.length) {
      const what = `${states.length} states for ${this.layers.length} layers`;
      throw new TypeError(`Cannot run ${name}: ${what}; give one for each, or none`);
    }
    const finals: State[] = [];
    let output = x;
    this.layers.forEach((weights, i) => {
      const below = i === 0 ? output : this.#dropouts[i - 1]!.forward(step, output);
      const layer = this.layer(step, below, weights, { state: states[i], resets });
      output = layer.output;
      finals.push(layer.state);
    });
    return { output, states: finals };
  }
}

/** LSTM layers; parameters as in PyTorch's `nn.LSTM`. */
export class LSTM extends Recurrent<LSTMState> {
  /** Throws a RangeError if an option is out of range, or a weight too large. */
  constructor(gpu: Gpu, options: RecurrentOptions) {
    super(gpu, 4, options);
  }

  /** One layer over time. */
  protected override layer: typeof lstm = lstm;
}

/** GRU layers; parameters as in PyTorch's `nn.GRU`. */
export class GRU extends Recurrent<Tensor> {
  /** Throws a RangeError if an option is out of range, or a weight too large. */
  constructor(gpu: Gpu, options: RecurrentOptions) {
    super(gpu, 3, options);
  }

  /** One layer over time. */
  protected override layer: typeof gru = gru;
}
