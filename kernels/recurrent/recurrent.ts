/** What recurrent layers share: their parameters, a run over time, their gradients. */

import type { Step } from "../autograd/step.ts";
import type { Device } from "../device/device.ts";
import { expectObject } from "../device/expect.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";
import { linearInputGradient } from "../matmul/linear.ts";
import { weightFor } from "../matmul/weight.ts";
import { weightGradients } from "../matmul/weight_gradients.ts";
import type { RecurrentKind } from "./kind.ts";
import { packWeight, type PassWeights } from "./pack_weight.ts";

/** Parameters of a layer of G gates (4: LSTM, 3: GRU), in PyTorch's shapes and order of gates. */
export interface RecurrentWeights {
  /** [G H, E] */
  readonly weightIh: Tensor;
  /** [G H, H] */
  readonly weightHh: Tensor;
  /** [G H] */
  readonly biasIh: Tensor;
  /** [G H] */
  readonly biasHh: Tensor;
}

/** What a layer begins with, and where its rows start again. */
export interface RecurrentStart<State> {
  /** The state before the first step; zero unless given. */
  readonly state?: State | undefined;
  /** Ids [T, B]: not 0 where the state before the element is zero, whatever came before. */
  readonly resets?: Tensor | undefined;
}

/** A layer's run. */
export interface RecurrentRun {
  readonly gpu: Device;
  readonly kind: RecurrentKind;
  /** T */
  readonly T: number;
  /** B */
  readonly B: number;
  /** H */
  readonly H: number;
  /** [T, B, E] */
  readonly x: Tensor;
  /** The input's weight [G H, E], as products read it. */
  readonly weightIh: Tensor;
  /** The recurrent weight: for software adapters [G H, H], as their products read it; for GPUs packed. */
  readonly weight: PassWeights;
  /** [T, B]; undefined if no row begins anew. */
  readonly resets: Tensor | undefined;
  /** Whether the first state is zero. */
  readonly fromZero: boolean;
}

/** Checks the shapes of x [T, B, E], the weights and the resets. */
export function recurrentRun(
  step: Step,
  kind: RecurrentKind,
  x: Tensor,
  weights: RecurrentWeights,
  start: RecurrentStart<unknown>,
): RecurrentRun {
  const { name, gates } = kind;
  expectObject(`run ${name}`, "weights", weights, "an object");
  const { weightIh, weightHh, biasIh, biasHh } = weights;
  expectFloats(name, step, { x, weightIh, weightHh, biasIh, biasHh });
  expectObject(`run ${name}`, "start", start, "an object");
  const { resets, state } = start;
  const [T, B, width] = [x.shape[0]!, x.shape[1]!, x.shape[2]!];
  const H = weightHh.shape[1]!;
  expectShape(name, "x", x, [T, B, width]);
  expectShape(name, "weightIh", weightIh, [gates * H, width]);
  expectShape(name, "weightHh", weightHh, [gates * H, H]);
  expectShape(name, "biasIh", biasIh, [gates * H]);
  expectShape(name, "biasHh", biasHh, [gates * H]);
  if (resets !== undefined) expectShape(name, "resets", resets, [T, B], "u32");
  const backward = step.needsGradient(x, weightIh, weightHh, biasIh, biasHh);
  return {
    ...{ gpu: step.gpu, kind, T, B, H, x, resets },
    weightIh: weightFor(step, weightIh),
    weight: passWeights(step, weightHh, backward),
    fromZero: state === undefined,
  };
}

function passWeights(step: Step, weightHh: Tensor, backward: boolean): PassWeights {
  if (step.gpu.family === "hardware") return packWeight(step, weightHh, backward);
  const weight = weightFor(step, weightHh);
  return { forward: weight, backward: weight };
}

/**
 * The gradients of x, both weights and both biases. `before` are the states before each time step, [T, B, H];
 * `dInput` and `dState` the gradients of the gates' parts from the input and from the state, [T, B, G H]: one
 * tensor if the gates are the sums of both.
 */
export function layerGradients(
  step: Step,
  { gpu, kind, H, x, weightIh }: RecurrentRun,
  before: Tensor,
  dInput: Tensor,
  dState: Tensor,
): (Tensor | null)[] {
  const dx = linearInputGradient(step, x, weightIh, dInput), width = kind.gates * H;
  const dWeightIh = step.tensor(weightIh.shape), dWeightHh = step.tensor([width, H]);
  const dBiasIh = step.tensor([width]);
  const dBiasHh = dState === dInput ? undefined : step.tensor([width]);
  weightGradients(gpu, [
    { dOut: dInput, x, dWeight: dWeightIh, dBias: dBiasIh },
    { dOut: dState, x: before, dWeight: dWeightHh, dBias: dBiasHh },
  ]);
  return [dx, dWeightIh, dWeightHh, dBiasIh, dBiasHh ?? dBiasIh];
}
