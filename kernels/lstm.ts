/** An LSTM layer over time: input product batched over all steps, one launch a step for the rest. */

import type { Gpu } from "./gpu.ts";
import { add } from "./elementwise.ts";
import { linear } from "./linear.ts";
import plain from "./lstm.wgsl" with { type: "text" };
import broadcast from "./lstm_broadcast.wgsl" with { type: "text" };
import cell from "./lstm_cell.wgsl" with { type: "text" };
import { matmulInto } from "./matmul.ts";
import type { Step } from "./step.ts";
import { expectShape, type Tensor } from "./tensor.ts";

/** Parameters of a layer, in PyTorch's shapes and gate order i, f, g, o. */
export interface LSTMWeights {
  /** [4H, E] */
  readonly weightIh: Tensor;
  /** [4H, H] */
  readonly weightHh: Tensor;
  /** [4H] */
  readonly biasIh: Tensor;
  /** [4H] */
  readonly biasHh: Tensor;
}

/** Hidden and cell state [B, H]. */
export interface LSTMState {
  /** [B, H] */
  readonly hidden: Tensor;
  /** [B, H] */
  readonly cell: Tensor;
}

interface Layer {
  readonly gpu: Gpu;
  readonly steps: number;
  readonly batch: number;
  readonly size: number;
}

/** Whether the adapter's subgroups are a CPU's vectors, which lstm_broadcast.wgsl is written for. */
function usesBroadcast({ gpu, size }: Layer): boolean {
  return gpu.family === "direct" && [8, 16].includes(gpu.subgroupSize) && size % 4 === 0;
}

/** Runs `entry` for one time step after another, in the given order. */
function overTime(
  layer: Layer,
  entry: "forward" | "backward",
  order: Iterable<number>,
  inputs: Tensor[],
  outputs: Tensor[],
): void {
  const { gpu, steps, batch, size } = layer;
  const lanes = gpu.subgroupSize * (entry === "forward" ? 1 : 4);
  const code = usesBroadcast(layer)
    ? {
      source: cell + broadcast,
      constants: { LANES: gpu.subgroupSize },
      subgroups: true,
      grid: [Math.ceil(size / lanes), Math.ceil(batch / 32), 1] as const,
    }
    : { source: cell + plain, grid: [Math.ceil(size / 64), Math.ceil(batch / 4), 1] as const };
  for (const t of order) {
    const uniform = { batch, size, step: t, last: t === steps - 1 ? 1 : 0 };
    gpu.dispatch({ label: `lstm.${entry}`, entry, inputs, outputs, uniform, ...code });
  }
}

/** The recurrent weight as the forward kernel reads it. */
function recurrentWeight(step: Step, layer: Layer, weight: Tensor): Tensor {
  if (usesBroadcast(layer)) return weight;
  const { gpu, size } = layer, turned = step.tensor([size, 4 * size]);
  gpu.dispatch({
    label: "lstm.transpose",
    source: cell + plain,
    entry: "transpose_weight",
    inputs: [weight],
    outputs: [turned],
    uniform: { batch: 0, size, step: 0, last: 0 },
    grid: Math.ceil(turned.size / 64),
  });
  return turned;
}

/** A state's tensor [B, H] as index 0 of a tensor [T + 1, B, H]; zero if there is no state. */
function initial(step: Step, { steps, batch, size }: Layer, state?: Tensor): Tensor {
  const all = step.tensor([steps + 1, batch, size]);
  using first = all.rows(0, 1);
  if (state) step.gpu.copy(state, first);
  else step.gpu.clear(first);
  return all;
}

/** The last index of a tensor [T + 1, B, H] as a tensor of its own. */
function final(step: Step, { steps, batch, size }: Layer, all: Tensor): Tensor {
  const state = step.tensor([batch, size]);
  step.gpu.copy(all, state, { fromStart: steps * batch * size });
  return state;
}

/**
 * One LSTM layer: x [T, B, E] to the hidden states [T, B, H] and the final state.
 *
 * `i, f, o = sigmoid(...)`, `g = tanh(...)` of `W_ih x + b_ih + W_hh h + b_hh`; `c = f c' + i g`,
 * `h = o tanh(c)`. Gradients flow to `x` and the weights, not to the states.
 *
 * Source: Hochreiter and Schmidhuber 1997; the definition is PyTorch's `nn.LSTM`.
 */
export function lstm(
  step: Step,
  x: Tensor,
  weights: LSTMWeights,
  state?: LSTMState,
): { output: Tensor; state: LSTMState } {
  const { gpu } = step, { weightIh, weightHh, biasIh, biasHh } = weights;
  const [steps, batch, width] = [x.shape[0]!, x.shape[1]!, x.shape[2]!];
  const size = weightHh.shape[1]!;
  expectShape("lstm", "weightIh", weightIh, [4 * size, width]);
  expectShape("lstm", "weightHh", weightHh, [4 * size, size]);
  for (const part of state ? [state.hidden, state.cell] : []) {
    expectShape("lstm", "state", part, [batch, size]);
  }
  const layer = { gpu, steps, batch, size };
  // On the tape as a plain product: its gradient needs that of the gates before activation.
  const gates = linear(step, x, weightIh, add(step, biasIh, biasHh));
  const hidden = initial(step, layer, state?.hidden), cells = initial(step, layer, state?.cell);
  const output = step.tensor([steps, batch, size]);
  const turned = recurrentWeight(step, layer, weightHh);
  overTime(layer, "forward", range(steps), [turned], [gates, hidden, cells, output]);

  step.record({
    name: "lstm",
    inputs: [gates, weightHh],
    output,
    backward: (dOutput) => {
      using dCell = gpu.temporary([batch, size]);
      const backward = range(steps).reverse();
      overTime(layer, "backward", backward, [weightHh, cells, dOutput], [gates, dCell]);
      const dWeight = step.tensor(weightHh.shape);
      using before = hidden.rows(0, steps);
      using flatBefore = before.reshape([steps * batch, size]);
      using flatGates = gates.reshape([steps * batch, 4 * size]);
      matmulInto(gpu, dWeight, flatGates, flatBefore, { transposeA: true });
      return [gates, dWeight]; // by now the gates hold their gradient
    },
  });
  const last = { hidden: final(step, layer, hidden), cell: final(step, layer, cells) };
  return { output, state: last };
}

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
