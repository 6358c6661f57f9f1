/** What recurrent layers share: their weights, their kernels, their states over time. */

import type { Step } from "../autograd/step.ts";
import type { Compute } from "../device/adapter.ts";
import { type Device, dispatchTexels } from "../device/device.ts";
import { expectObject } from "../device/expect.ts";
import type { TexelLaunch } from "../device/launch.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";
import { type VecSource, withVec } from "../device/vec.ts";
import { matmulInto } from "../matmul/matmul.ts";
import { texelSource } from "../matmul/matmul_subgroup.ts";
import { weightFor, withWeight } from "../matmul/weight.ts";
import unkept from "./_recurrent_unkept.wgsl" with { type: "text" };
import shared from "./recurrent.wgsl" with { type: "text" };
import packed from "./recurrent_packed.wgsl" with { type: "text" };
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
  /** The recurrent weight [G H, H]: for software adapters, as their products read it; GPUs pack it. */
  readonly weight: Tensor;
  /** [T, B] */
  readonly resets: Tensor;
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
  const { gpu } = step, { resets } = start;
  const [T, B, width] = [x.shape[0]!, x.shape[1]!, x.shape[2]!];
  const H = weightHh.shape[1]!;
  expectShape(name, "x", x, [T, B, width]);
  expectShape(name, "weightIh", weightIh, [gates * H, width]);
  expectShape(name, "weightHh", weightHh, [gates * H, H]);
  expectShape(name, "biasIh", biasIh, [gates * H]);
  expectShape(name, "biasHh", biasHh, [gates * H]);
  const weight = gpu.family === "hardware" ? weightHh : weightFor(step, weightHh);
  if (resets !== undefined) {
    expectShape(name, "resets", resets, [T, B], "u32");
    return { gpu, kind, T, B, H, weight, resets };
  }
  const none = step.tensor([T, B], "u32");
  gpu.clear(none);
  return { gpu, kind, T, B, H, weight, resets: none };
}

/** Launches one kernel of the layer at time `t`; a thread for each Vec of a state unless said. */
export function launch(
  { gpu, kind, T, B, H }: RecurrentRun,
  { source, vec }: VecSource,
  entry: string,
  inputs: Tensor[],
  outputs: Tensor[],
  t: number,
  how: Partial<Pick<TexelLaunch, "grid" | "constants" | "subgroups" | "texels" | "texelsOut">> = {},
): void {
  dispatchTexels(gpu, {
    label: `${kind.name}.${entry}`,
    source,
    entry,
    inputs,
    outputs,
    uniform: { B, H: H / vec, T, t },
    grid: Math.ceil(B * H / vec / 64),
    ...how,
    constants: { GATES: kind.gates, ...how.constants },
  });
}

/** A tensor [T + 1, B, H] whose index 0 is the state [B, H] before the first step. */
export function statesOverTime(step: Step, run: RecurrentRun, state?: Tensor): Tensor {
  const { gpu, kind: { name, split }, T, B, H, resets } = run;
  const all = step.tensor([T + 1, B, H]);
  using first = all.slice(0, 1);
  if (state) {
    expectShape(name, "state", state, [B, H]);
    launch(run, split(H), "first_state", [state, resets], [first], 0);
  } else gpu.clear(first);
  return all;
}

/** The last index of a tensor [T + 1, B, H], as a tensor [B, H] of its own. */
export function finalState(step: Step, { T, B, H }: RecurrentRun, all: Tensor): Tensor {
  const state = step.tensor([B, H]);
  step.gpu.copy(all, state, { fromStart: T * B * H });
  return state;
}

/** The gradient [G H, H] of the recurrent weight, of that of the gates' state part [T, B, G H]. */
export function recurrentWeightGradient(
  step: Step,
  { kind, T, B, H }: RecurrentRun,
  dState: Tensor,
  hidden: Tensor,
): Tensor {
  const width = kind.gates * H, dWeight = step.tensor([width, H]);
  using before = hidden.slice(0, T);
  using flatBefore = before.reshape([T * B, H]);
  using flatState = dState.reshape([T * B, width]);
  matmulInto(step.gpu, dWeight, flatState, flatBefore, { transposeA: true });
  return dWeight;
}
