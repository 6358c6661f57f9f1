/** What recurrent layers share: their weights, their states over time, a launch for each time step. */

import { expectObject } from "../device/expect.ts";
import type { Device } from "../device/device.ts";
import { type VecSource, withVec } from "../device/vec.ts";
import type { Launch } from "../device/launch.ts";
import { matmulInto } from "../matmul/matmul.ts";
import { readsTexels, texelSource, texelTileOf } from "../matmul/matmul_subgroup.ts";
import shared from "./recurrent.wgsl" with { type: "text" };
import wholeRows from "./recurrent_rows.wgsl" with { type: "text" };
import wholeStep from "./recurrent_step.wgsl" with { type: "text" };
import splitSums from "./recurrent_split.wgsl" with { type: "text" };
import texelsBackward from "./recurrent_texels_backward.wgsl" with { type: "text" };
import texelsForward from "./recurrent_texels_forward.wgsl" with { type: "text" };
import unkept from "./_recurrent_unkept.wgsl" with { type: "text" };
import packed from "./_recurrent_packed.wgsl" with { type: "text" };
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
  /** WGSL of a whole time step for GPUs. */
  readonly step: VecSource;
  /** WGSL of all time steps for GPUs. */
  readonly rows: VecSource;
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
    step: variant(packed, wholeStep, unkept)(1),
    rows: variant(packed, wholeRows)(1),
  };
}

/** Rows of a batch up to which a GPU runs each row by itself, all time steps in one launch. */
const MAX_ROWS = 128;

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

/** Launches one kernel of the layer at time `t`; a thread for each Vec of a state unless said. */
function launch(
  { gpu, kind, steps, batch, size }: RecurrentRun,
  { source, vec }: VecSource,
  entry: string,
  inputs: Tensor[],
  outputs: Tensor[],
  t: number,
  how: Partial<Pick<Launch, "grid" | "constants" | "subgroups" | "texels" | "texelsOut">> = {},
): void {
  gpu.dispatch({
    label: `${kind.name}.${entry}`,
    source,
    entry,
    inputs,
    outputs,
    uniform: { batch, size: size / vec, steps, t },
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
  const each = gpu.family === "hardware" ? onGpu : whole ? texelSteps : splitSteps;
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
  order(run, entry).forEach((t, i) => {
    const [now, next] = i % 2 === 0 ? [even, odd] : [odd, even];
    launch(run, source, entry, [weight, resets, ...inputs], outputs, t, {
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
  for (const t of order(run, entry)) {
    const row = forward ? t * batch : (t + 1) * batch;
    if (forward || t < steps - 1) {
      matmulInto(gpu, sums, rows, weight, { transposeB: forward, row, kernel: "register" });
    }
    launch(run, split(size), entry, [sums, resets, ...inputs], outputs, t);
  }
}

/** For GPUs: product and cells in one launch, for all steps where there are few rows, else for one. */
function onGpu(
  run: RecurrentRun,
  entry: Direction,
  weight: Tensor,
  _states: Tensor,
  inputs: Tensor[],
  outputs: Tensor[],
): void {
  const { gpu, kind: { step, rows }, batch, size, resets } = run;
  using packed = gpu.temporary([size, size, 4]);
  const constants = { FORWARD: entry === "forward" ? 1 : 0 };
  launch(run, step, "pack_weight", [weight], [packed], 0, {
    constants,
    grid: Math.ceil(size * size / 64),
  });
  const threads = rowThreads(run);
  if (threads !== undefined && batch <= MAX_ROWS) {
    return launch(run, rows, entry, [packed, resets, ...inputs], outputs, 0, {
      constants: { ...constants, ...threads },
      grid: [batch, 1, 1],
    });
  }
  const grid = [Math.ceil(size / 32), Math.ceil(batch / 4), 1] as const;
  for (const t of order(run, entry)) {
    launch(run, step, entry, [packed, resets, ...inputs], outputs, t, { grid });
  }
}

/** The threads of recurrent_rows.wgsl; undefined where a workgroup cannot hold a row's units. */
function rowThreads({ gpu, size }: RecurrentRun): { UNITS: number; SLICES: number } | undefined {
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = gpu.device.limits;
  const UNITS = Math.ceil(size / 32) * 32;
  const threads = Math.min(
    maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupStorageSize / 16 - UNITS, // a vec4f each, beside the state's of the units
  );
  const SLICES = Math.min(Math.floor(threads / UNITS), Math.ceil(size / 4));
  return SLICES > 0 ? { UNITS, SLICES } : undefined;
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
