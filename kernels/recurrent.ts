/** What recurrent layers share: their weights, their states over time, a launch for each time step. */

import type { Gpu } from "./gpu.ts";
import type { Step } from "./step.ts";
import { expectShape, type Tensor } from "./tensor.ts";

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

/** The kernels of a kind of layer: entry points `forward`, `backward` and (plain) `transpose_weight`. */
export interface RecurrentKernels {
  /** The layer's name, in errors and profiles. */
  readonly name: string;
  /** G, the number of gates. */
  readonly gates: number;
  /** For any size and adapter. */
  readonly plain: string;
  /** For adapters whose subgroups are a CPU's vectors, and H a multiple of 4. */
  readonly broadcast: string;
}

/** Sizes of a layer's run. */
export interface RecurrentRun {
  readonly gpu: Gpu;
  readonly kernels: RecurrentKernels;
  /** T */
  readonly steps: number;
  /** B */
  readonly batch: number;
  /** H */
  readonly size: number;
}

/** Checks the shapes of x [T, B, E] and the weights, and gives the sizes. */
export function recurrentRun(
  gpu: Gpu,
  kernels: RecurrentKernels,
  x: Tensor,
  { weightIh, weightHh, biasIh, biasHh }: RecurrentWeights,
): RecurrentRun {
  const { name, gates } = kernels;
  const [steps, batch, width] = [x.shape[0]!, x.shape[1]!, x.shape[2]!];
  const size = weightHh.shape[1]!;
  expectShape(name, "x", x, [steps, batch, width]);
  expectShape(name, "weightIh", weightIh, [gates * size, width]);
  expectShape(name, "weightHh", weightHh, [gates * size, size]);
  expectShape(name, "biasIh", biasIh, [gates * size]);
  expectShape(name, "biasHh", biasHh, [gates * size]);
  return { gpu, kernels, steps, batch, size };
}

function usesBroadcast({ gpu, size }: RecurrentRun): boolean {
  return gpu.family === "direct" && [8, 16].includes(gpu.subgroupSize) && size % 4 === 0;
}

/** Runs `entry` for one time step after another, from the first on or from the last back. */
export function overTime(
  run: RecurrentRun,
  entry: "forward" | "backward",
  inputs: Tensor[],
  outputs: Tensor[],
): void {
  const { gpu, kernels, steps, batch, size } = run;
  const lanes = gpu.subgroupSize * (entry === "forward" ? 1 : 4);
  const code = usesBroadcast(run)
    ? {
      source: kernels.broadcast,
      constants: { LANES: gpu.subgroupSize },
      subgroups: true,
      grid: [Math.ceil(size / lanes), Math.ceil(batch / 32), 1] as const,
    }
    : { source: kernels.plain, grid: [Math.ceil(size / 64), Math.ceil(batch / 4), 1] as const };
  for (let i = 0; i < steps; i++) {
    const step = entry === "forward" ? i : steps - 1 - i;
    const uniform = { batch, size, step, last: step === steps - 1 ? 1 : 0 };
    gpu.dispatch({ label: `${kernels.name}.${entry}`, entry, inputs, outputs, uniform, ...code });
  }
}

/** The recurrent weight as the forward kernel reads it. */
export function forwardWeight(step: Step, run: RecurrentRun, weight: Tensor): Tensor {
  if (usesBroadcast(run)) return weight;
  const { kernels: { name, gates, plain }, size } = run;
  const turned = step.tensor([size, gates * size]);
  step.gpu.dispatch({
    label: `${name}.transpose`,
    source: plain,
    entry: "transpose_weight",
    inputs: [weight],
    outputs: [turned],
    uniform: { batch: 0, size, step: 0, last: 0 },
    grid: Math.ceil(turned.size / 64),
  });
  return turned;
}

/** A tensor [T + 1, B, H] whose index 0 is `state` [B, H], or zero without one. */
export function statesOverTime(step: Step, run: RecurrentRun, state?: Tensor): Tensor {
  const { kernels: { name }, steps, batch, size } = run;
  const all = step.tensor([steps + 1, batch, size]);
  using first = all.rows(0, 1);
  if (state) {
    expectShape(name, "state", state, [batch, size]);
    step.gpu.copy(state, first);
  } else step.gpu.clear(first);
  return all;
}

/** The last index of a tensor [T + 1, B, H], as a tensor [B, H] of its own. */
export function finalState(step: Step, { steps, batch, size }: RecurrentRun, all: Tensor): Tensor {
  const state = step.tensor([batch, size]);
  step.gpu.copy(all, state, { fromStart: steps * batch * size });
  return state;
}
