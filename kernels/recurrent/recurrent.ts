/** What recurrent layers share: their weights, their kernels, their states over time. */

import type { Step } from "../autograd/step.ts";
import type { Compute } from "../device/adapter.ts";
import { type Device, dispatchTexels } from "../device/device.ts";
import { expectObject } from "../device/expect.ts";
import type { TexelLaunch } from "../device/launch.ts";
import { forParts } from "../device/part_bindings.ts";
import { sizeOf } from "../device/dtype.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";
import { type VecSource, withVec } from "../device/vec.ts";
import { linearInputGradient } from "../matmul/linear.ts";
import { texelSource } from "../matmul/matmul_subgroup.ts";
import { weightFor, withWeight } from "../matmul/weight.ts";
import { weightGradients } from "../matmul/weight_gradients.ts";
import packed from "./_packed_weight.wgsl" with { type: "text" };
import shared from "./_recurrent.wgsl" with { type: "text" };
import unkept from "./_recurrent_unkept.wgsl" with { type: "text" };
import { packWeight, type PassWeights } from "./pack_weight.ts";
import firstStates from "./recurrent_first.wgsl" with { type: "text" };
import wholeRows from "./recurrent_rows.wgsl" with { type: "text" };
import splitSums from "./recurrent_split.wgsl" with { type: "text" };
import wholeStep from "./recurrent_step.wgsl" with { type: "text" };
import texelsBackward from "./recurrent_texels_backward.wgsl" with { type: "text" };
import texelsForward from "./recurrent_texels_forward.wgsl" with { type: "text" };

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

/** What a layer begins with, and where its rows begin anew. */
export interface RecurrentStart<State> {
  /** The state before the first step; zero unless given. */
  readonly state?: State | undefined;
  /** Ids [T, B]: not 0 where the state before the element is zero, whatever came before. */
  readonly resets?: Tensor | undefined;
}

/** Which way a layer runs over time. */
export type Direction = "forward" | "backward";

/** WGSL by what the weight is read in. */
type WeightSource = Readonly<Record<Compute, VecSource>>;

/** A kind of layer. */
export interface RecurrentKind {
  /** The layer's name, in errors and profiles. */
  readonly name: string;
  /** G, the number of gates. */
  readonly gates: number;
  /** WGSL of a time step whose product is a launch of its own, by the width of a state. */
  readonly split: (width: number) => VecSource;
  /** WGSL of a whole time step from texels, for widths of a multiple of four. */
  readonly texels: Readonly<Record<Direction, WeightSource>>;
  /** WGSL of a whole time step for GPUs. */
  readonly step: WeightSource;
  /** WGSL of all time steps for GPUs. */
  readonly rows: WeightSource;
}

/** A kind of layer; `cell` is the WGSL of what becomes of a unit's sums. */
export function recurrentKind(name: string, gates: number, cell: string): RecurrentKind {
  const variant = (...parts: string[]) => withVec([shared, cell, ...parts].join("\n"));
  const weighted = ({ source, vec }: VecSource): WeightSource => {
    const { f32, f16 } = withWeight(source);
    return { f32: { source: f32, vec }, f16: { source: f16, vec } };
  };
  return {
    name,
    gates,
    split: variant(splitSums, unkept),
    texels: {
      forward: weighted(variant(texelSource, texelsForward)(4)),
      backward: weighted(variant(texelSource, texelsBackward)(4)),
    },
    step: weighted(variant(packed, wholeStep, unkept)(1)),
    rows: weighted(variant(packed, wholeRows)(1)),
  };
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

/** A layer's states over time, in one buffer. */
export interface States {
  /** All of them, as kernels see them: `before`, a gap, `last`. */
  readonly all: Tensor;
  /** The state before each time step, [T, B, H]. */
  readonly before: Tensor;
  /** The state after the last one, [B, H]. */
  readonly last: Tensor;
}

/** Floats between two places where a tensor can begin: {@linkcode Tensor.slice}. */
const ALIGNED = 64;

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
 * Launches one kernel of the layer at time `t`; a thread for each Vec of a state unless said. The kernel's inputs
 * are `first`, the resets, and `inputs`.
 */
export function launch(
  { gpu, kind, T, B, H, resets, fromZero }: RecurrentRun,
  { source, vec }: VecSource,
  entry: string,
  first: Tensor,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  t: number,
  how: Partial<Pick<TexelLaunch, "grid" | "constants" | "subgroups" | "texels" | "texelsOut">> = {},
): void {
  dispatchTexels(gpu, {
    label: `${kind.name}.${entry}`,
    source,
    entry,
    inputs: [first, resets ?? first, ...inputs],
    outputs,
    uniform: {
      B,
      H: H / vec,
      T,
      t,
      last: lastAt(T * B * H) / vec,
      from_zero: Number(fromZero),
      with_resets: Number(resets !== undefined),
    },
    grid: Math.ceil(B * H / vec / 64),
    ...how,
    constants: { GATES: kind.gates, ...how.constants },
  });
}

/** Where the last state begins, after so many floats. */
function lastAt(floats: number): number {
  return Math.ceil(floats / ALIGNED) * ALIGNED;
}

/** States over time; the first time step writes zeros, unless they begin at a state. */
export function statesOverTime(step: Step, { T, B, H }: RecurrentRun): States {
  const size = B * H, begin = lastAt(T * size), all = step.tensor([begin + size]);
  const part = (first: number, shape: readonly number[]) => {
    using flat = all.slice(first, sizeOf(shape));
    return step.own(flat.reshape(shape));
  };
  return { all, before: part(0, [T, B, H]), last: part(begin, [B, H]) };
}

/** Lets states over time begin at states [B, H], but for rows that begin anew, in one launch. */
export function beginAt(
  { gpu, kind: { name }, B, H, resets }: RecurrentRun,
  pairs: readonly (readonly [States, Tensor])[],
): void {
  for (const [, state] of pairs) expectShape(name, "state", state, [B, H]);
  const states = pairs.map(([, state]) => state);
  gpu.dispatch({
    label: `${name}.first`,
    source: forParts(firstStates, pairs.length),
    inputs: [resets ?? states[0]!, ...states],
    outputs: pairs.map(([{ all }]) => all),
    uniform: { B, H, with_resets: Number(resets !== undefined) },
    grid: Math.ceil(B * H / 64),
  });
}

/**
 * The gradients of x, both weights and both biases. `dInput` and `dState` are those of the gates' parts from the
 * input and from the state, [T, B, G H]: one tensor if the gates are the sums of both.
 */
export function layerGradients(
  step: Step,
  { gpu, kind, H, x, weightIh }: RecurrentRun,
  { before }: States,
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
