/** A GRU layer over time: the input product of all time steps at once, the rest step by step. */

import cell from "./_gru.wgsl" with { type: "text" };
import { linearOutput } from "../matmul/linear.ts";
import { recurrentKind } from "./kind.ts";
import {
  layerGradients,
  recurrentRun,
  type RecurrentStart,
  type RecurrentWeights,
} from "./recurrent.ts";
import { beginAt, statesOverTime } from "./states.ts";
import { overTime } from "./time_steps.ts";
import type { Step } from "../autograd/step.ts";
import { expectFloats, type Tensor } from "../device/tensor.ts";

const KIND = recurrentKind("gru", 3, cell);

/**
 * One GRU layer: x [T, B, E] to the hidden states [T, B, H] and the final state [B, H].
 *
 * `r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh)`, `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`, in the
 * order r, z, n; `h = (1 - z) n + z h`, beginning at `state` or zero. Gradients flow to `x` and the
 * weights, not to the first state; none flows back over a reset. The final state lies beside those of all
 * time steps: who keeps it keeps these.
 *
 * Source: Cho et al. 2014; the definition is PyTorch's `nn.GRU`.
 */
export function gru(
  step: Step,
  x: Tensor,
  weights: RecurrentWeights,
  start: RecurrentStart<Tensor> = {},
): { output: Tensor; state: Tensor } {
  const run = recurrentRun(step, KIND, x, weights, start), { gpu, T, B, H } = run;
  const { weightIh, weightHh, biasIh, biasHh } = weights, { state } = start;
  if (state !== undefined) expectFloats("gru", step, { state });
  const gates = linearOutput(step, x, run.weightIh, biasIh); // the input's part, before activation
  const hidden = statesOverTime(step, run);
  if (state) beginAt(run, [[hidden, state]]);
  const inner = step.tensor([T, B, H]), output = step.tensor([T, B, H]);
  overTime(run, {
    direction: "forward",
    states: hidden.before,
    inputs: [biasHh],
    outputs: [hidden.all, gates, inner, output],
  });

  step.record({
    name: "gru",
    inputs: [x, weightIh, weightHh, biasIh, biasHh],
    output,
    backward: (dOutput) => {
      using dState = gpu.temporary([T, B, 3 * H]);
      using carry = gpu.temporary([B, H]);
      overTime(run, {
        direction: "backward",
        states: dState,
        inputs: [inner, hidden.all, dOutput],
        outputs: [gates, dState, carry], // the gates turn into their gradient
      });
      return layerGradients(step, run, hidden.before, gates, dState);
    },
  });
  return { output, state: hidden.last };
}
