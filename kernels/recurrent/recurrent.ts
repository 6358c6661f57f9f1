/** What recurrent layers share: their weights, their states over time, a launch for each time step. */

import { expectObject } from "../device/expect.ts";
import type { Device } from "../device/device.ts";
import { type VecSource, withVec } from "../device/vec.ts";
import type { Launch } from "../device/launch.ts";
import { matmulInto, readsTexels, texelSource, texelTileOf } from "../matmul/matmul.ts";
import shared from "./recurrent.wgsl" with { type: "text" };
import fusedSums from "./recurrent_fused.wgsl" with { type: "text" };
import splitSums from "./recurrent_split.wgsl" with { type: "text" };
import texelsBackward from "./recurrent_texels_backward.wgsl" with { type: "text" };
import texelsForward from "./recurrent_texels_forward.wgsl" with { type: "text" };
import unkept from "./_recurrent_unkept.wgsl" with { type: "text" };
import type { Step } from "../autograd/step.ts";
import { expectFloats, expectShape, type Tensor } from "../device/tensor.ts";

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
type Direction = "forward" | "backward";

/** A kind of layer. */
export interface RecurrentKind {
  /** The layer's name, in errors and profiles. */
  readonly name: string;
  /** G, the number of gates. */
  readonly gates: number;
  /** WGSL of a time step whose product is a launch of its own, by the width of a state. */
  readonly split: (width: number) => VecSource;
  /** WGSL of a whole time step from texels, for widths of a multiple of four. */
  readonly texels: Readonly<Record<Direction, VecSource>>;
  /** WGSL of a whole time step. */
  readonly fused: VecSource;
}

/** A kind of layer; `cell` is the WGSL of what becomes of a unit's sums. */
export function recurrentKind(name: string, gates: number, cell: string): RecurrentKind {
  const variant = (...parts: string[]) => withVec([shared, cell, ...parts].join("\n"));
  return {
    name,
    gates,
    split: variant(splitSums, unkept),
    texels: {
      forward: variant(texelSource, texelsForward)(4),
      backward: variant(texelSource, texelsBackward)(4),
    },
    fused: variant(fusedSums, unkept)(1),
  };
}

/** A layer's run. */
export interface RecurrentRun {
  readonly gpu: Device;
  readonly kind: RecurrentKind;
  /** T */
  readonly steps: number;
  /** B */
  readonly batch: number;
  /** H */
  readonly size: number;
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
  const [steps, batch, width] = [x.shape[0]!, x.shape[1]!, x.shape[2]!];
  const size = weightHh.shape[1]!;
  expectShape(name, "x", x, [steps, batch, width]);
  expectShape(name, "weightIh", weightIh, [gates * size, width]);
  expectShape(name, "weightHh", weightHh, [gates * size, size]);
  expectShape(name, "biasIh", biasIh, [gates * size]);
  expectShape(name, "biasHh", biasHh, [gates * size]);
  if (resets !== undefined) {
    expectShape(name, "resets", resets, [steps, batch], "u32");
    return { gpu, kind, steps, batch, size, resets };
  }
  const none = step.tensor([steps, batch], "u32");
  gpu.clear(none);
  return { gpu, kind, steps, batch, size, resets: none };
}

/** Launches one kernel of the layer at one time step; a thread for each Vec of a state unless said. */
function launch(
  { gpu, kind, steps, batch, size }: RecurrentRun,
  { source, vec }: VecSource,
  entry: string,
  inputs: Tensor[],
  outputs: Tensor[],
  step: number,
  how: Partial<Pick<Launch, "grid" | "constants" | "subgroups" | "texels" | "texelsOut">> = {},
): void {
  gpu.dispatch({
    label: `${kind.name}.${entry}`,
    source,
    entry,
    inputs,
    outputs,
    uniform: { batch, size: size / vec, step, last: step === steps - 1 ? 1 : 0 },
    grid: Math.ceil(batch * size / vec / 64),
    ...how,
    constants: { GATES: kind.gates, ...how.constants },
  });
}

/**
 * Runs `entry` for one time step after another, from the first on or from the last back. `states` is what
 * the recurrent weight [G H, H] is multiplied with: `hidden` forward, the gradient of the gates' state
 * part backward.
 */
export function overTime(
  run: RecurrentRun,
  entry: Direction,
  weight: Tensor,
  states: Tensor,
  inputs: Tensor[],
  outputs: Tensor[],
): void {
  const { gpu, size } = run;
  const whole = readsTexels(gpu) && size % 4 === 0;
  const each = gpu.family === "tiled" ? fusedSteps : whole ? texelSteps : splitSteps;
  each(run, entry, weight, states, inputs, outputs);
}

/** For software adapters that read texels: product and cells in one launch a step. */
function texelSteps(
  run: RecurrentRun,
  entry: Direction,
  weight: Tensor,
  states: Tensor,
  inputs: Tensor[],
  outputs: Tensor[],
): void {
  const { gpu, kind: { gates, texels }, batch, size, resets } = run, source = texels[entry];
  const forward = entry === "forward", shape = [batch, forward ? size : gates * size];
  // What a step's product reads and, in turn, what it writes for the next one.
  using even = gpu.texels(shape), odd = gpu.texels(shape);
  if (forward) gpu.copyToTexels(states, even); // backward, the first step reads none
  const tile = texelTileOf(gpu, batch);
  const units = forward ? tile.LANES : 4 * tile.LANES; // of a tile
  const grid = [Math.ceil(size / units), Math.ceil(batch / tile.ROWS), 1] as const;
  order(run, entry).forEach((step, i) => {
    const [now, next] = i % 2 === 0 ? [even, odd] : [odd, even];
    launch(run, source, entry, [weight, resets, ...inputs], outputs, step, {
      constants: tile,
      subgroups: true,
      texels: [now, weight],
      texelsOut: next,
      grid,
    });
  });
}

/** For other software adapters: the product by its own kernel, then the cells. */
function splitSteps(
  run: RecurrentRun,
  entry: Direction,
  weight: Tensor,
  states: Tensor,
  inputs: Tensor[],
  outputs: Tensor[],
): void {
  const { gpu, kind: { gates, split }, steps, batch, size, resets } = run;
  const forward = entry === "forward";
  const [width, sumsWidth] = forward ? [size, gates * size] : [gates * size, size];
  using rows = states.reshape([states.size / width, width]);
  using sums = gpu.temporary([batch, sumsWidth]);
  for (const step of order(run, entry)) {
    const row = forward ? step * batch : (step + 1) * batch;
    if (forward || step < steps - 1) {
      matmulInto(gpu, sums, rows, weight, { transposeB: forward, row, kernel: "direct" });
    }
    launch(run, split(size), entry, [sums, resets, ...inputs], outputs, step);
  }
}

/** For GPUs: product and cells in one launch a step. */
function fusedSteps(
  run: RecurrentRun,
  entry: Direction,
  weight: Tensor,
  _states: Tensor,
  inputs: Tensor[],
  outputs: Tensor[],
): void {
  const { gpu, kind: { gates, fused }, batch, size, resets } = run;
  const grid = [Math.ceil(size / 64), Math.ceil(batch / 4), 1] as const;
  // Forward, neighbouring threads read neighbouring columns of the transpose.
  using turned = gpu.temporary([size, gates * size]);
  if (entry === "forward") {
    const grid = Math.ceil(turned.size / 64);
    launch(run, fused, "transpose_weight", [weight], [turned], 0, { grid });
  }
  const read = entry === "forward" ? turned : weight;
  for (const step of order(run, entry)) {
    launch(run, fused, entry, [read, resets, ...inputs], outputs, step, { grid });
  }
}

function order({ steps }: RecurrentRun, entry: Direction): number[] {
  return Array.from({ length: steps }, (_, i) => entry === "forward" ? i : steps - 1 - i);
}

/** A tensor [T + 1, B, H] whose index 0 is the state [B, H] before the first step. */
export function statesOverTime(step: Step, run: RecurrentRun, state?: Tensor): Tensor {
  const { gpu, kind: { name, split }, steps, batch, size, resets } = run;
  const all = step.tensor([steps + 1, batch, size]);
  using first = all.slice(0, 1);
  if (state) {
    expectShape(name, "state", state, [batch, size]);
    launch(run, split(size), "first_state", [state, resets], [first], 0);
  } else gpu.clear(first);
  return all;
}

/** The last index of a tensor [T + 1, B, H], as a tensor [B, H] of its own. */
export function finalState(step: Step, { steps, batch, size }: RecurrentRun, all: Tensor): Tensor {
  const state = step.tensor([batch, size]);
  step.gpu.copy(all, state, { fromStart: steps * batch * size });
  return state;
}
