/** A GRU layer over time: input product batched over all steps, one launch a step for the rest. */

import plain from "./gru.wgsl" with { type: "text" };
import broadcast from "./gru_broadcast.wgsl" with { type: "text" };
import cell from "./gru_cell.wgsl" with { type: "text" };
import type { Gpu } from "./gpu.ts";
import { linear } from "./linear.ts";
import { matmulInto } from "./matmul.ts";
import { columnSums } from "./reduce.ts";
import type { Step } from "./step.ts";
import { expectShape, type Tensor } from "./tensor.ts";

/** Parameters of a layer, in PyTorch's shapes and gate order r, z, n. */
export interface GRUWeights {
  /** [3H, E] */
  readonly weightIh: Tensor;
  /** [3H, H] */
  readonly weightHh: Tensor;
  /** [3H] */
  readonly biasIh: Tensor;
  /** [3H] */
  readonly biasHh: Tensor;
}

interface Layer {
  readonly gpu: Gpu;
  readonly steps: number;
  readonly batch: number;
  readonly size: number;
}

/** Whether the adapter's subgroups are a CPU's vectors, which gru_broadcast.wgsl is written for. */
function usesBroadcast({ gpu, size }: Layer): boolean {
  return gpu.family === "direct" && [8, 16].includes(gpu.subgroupSize) && size % 4 === 0;
}

/** Runs `entry` for one time step after another, from the first on or from the last back. */
function overTime(
  layer: Layer,
  entry: "forward" | "backward",
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
  for (let i = 0; i < steps; i++) {
    const step = entry === "forward" ? i : steps - 1 - i;
    const uniform = { batch, size, step, last: step === steps - 1 ? 1 : 0 };
    gpu.dispatch({ label: `gru.${entry}`, entry, inputs, outputs, uniform, ...code });
  }
}

/** The recurrent weight as the forward kernel reads it. */
function recurrentWeight(step: Step, layer: Layer, weight: Tensor): Tensor {
  if (usesBroadcast(layer)) return weight;
  const { gpu, size } = layer, turned = step.tensor([size, 3 * size]);
  gpu.dispatch({
    label: "gru.transpose",
    source: cell + plain,
    entry: "transpose_weight",
    inputs: [weight],
    outputs: [turned],
    uniform: { batch: 0, size, step: 0, last: 0 },
    grid: Math.ceil(turned.size / 64),
  });
  return turned;
}

/**
 * One GRU layer: x [T, B, E] to the hidden states [T, B, H] and the final state [B, H].
 *
 * `r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh)`, `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`,
 * `h = (1 - z) n + z h`, beginning at `state` or zero. Gradients flow to `x` and the weights, not to
 * the initial state.
 *
 * Source: Cho et al. 2014; the definition is PyTorch's `nn.GRU`.
 */
export function gru(
  step: Step,
  x: Tensor,
  weights: GRUWeights,
  state?: Tensor,
): { output: Tensor; state: Tensor } {
  const { gpu } = step, { weightIh, weightHh, biasIh, biasHh } = weights;
  const [steps, batch, width] = [x.shape[0]!, x.shape[1]!, x.shape[2]!];
  const size = weightHh.shape[1]!;
  expectShape("gru", "x", x, [steps, batch, width]);
  expectShape("gru", "weightIh", weightIh, [3 * size, width]);
  expectShape("gru", "weightHh", weightHh, [3 * size, size]);
  expectShape("gru", "biasIh", biasIh, [3 * size]);
  expectShape("gru", "biasHh", biasHh, [3 * size]);
  if (state) expectShape("gru", "state", state, [batch, size]);
  const layer = { gpu, steps, batch, size };
  // On the tape as a plain product: its gradient is that of the gates before activation.
  const gates = linear(step, x, weightIh, biasIh);
  const hidden = step.tensor([steps + 1, batch, size]);
  using first = hidden.rows(0, 1);
  if (state) gpu.copy(state, first);
  else gpu.clear(first);
  const inner = step.tensor([steps, batch, size]), output = step.tensor([steps, batch, size]);
  const turned = recurrentWeight(step, layer, weightHh);
  overTime(layer, "forward", [turned, biasHh], [gates, inner, hidden, output]);

  step.record({
    name: "gru",
    inputs: [gates, weightHh, biasHh],
    output,
    backward: (dOutput) => {
      using dState = gpu.temporary([steps * batch, 3 * size]);
      using carry = gpu.temporary([batch, size]);
      const outputs = [gates, dState, carry]; // the gates turn into their gradient
      overTime(layer, "backward", [weightHh, inner, hidden, dOutput], outputs);
      const dWeight = step.tensor(weightHh.shape), dBias = step.tensor(biasHh.shape);
      using before = hidden.rows(0, steps);
      using flatBefore = before.reshape([steps * batch, size]);
      matmulInto(gpu, dWeight, dState, flatBefore, { transposeA: true });
      columnSums(gpu, dBias, dState);
      return [gates, dWeight, dBias];
    },
  });
  const last = step.tensor([batch, size]);
  gpu.copy(hidden, last, { fromStart: steps * batch * size });
  return { output, state: last };
}
