/** An LSTM layer over time: the input product of all time steps at once, the rest step by step. */

import { show } from "../device/expect.ts";
import cell from "./_lstm.wgsl" with { type: "text" };
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

/** Hidden and cell state [B, H]. */
export interface LSTMState {
  /** [B, H] */
  readonly hidden: Tensor;
  /** [B, H] */
  readonly cell: Tensor;
}

function isState(state: unknown): boolean {
  return typeof state === "object" && state !== null && "hidden" in state && "cell" in state;
}

const KIND = recurrentKind("lstm", 4, cell);

/**
 * One LSTM layer: x [T, B, E] to the hidden states [T, B, H] and the final state.
 *
 * `i, f, o = sigmoid(...)`, `g = tanh(...)` of `W_ih x + b_ih + W_hh h + b_hh`, in the order i, f, g, o;
 * `c = f c' + i g`, `h = o tanh(c)`. Gradients flow to `x` and the weights, not to the first state; none
 * flows back over a reset. The final state lies beside those of all time steps: who keeps it keeps these.
 *
 * Source: Hochreiter and Schmidhuber 1997; the definition is PyTorch's `nn.LSTM`.
 */
export function lstm(
  step: Step,
  x: Tensor,
  weights: RecurrentWeights,
  start: RecurrentStart<LSTMState> = {},
): { output: Tensor; state: LSTMState } {
  const run = recurrentRun(step, KIND, x, weights, start), { gpu, T, B, H } = run;
  const { weightIh, weightHh, biasIh, biasHh } = weights, { state } = start;
  if (state !== undefined) {
    if (!isState(state)) {
      throw new TypeError(`Cannot run lstm: state is ${show(state)}, not { hidden, cell }`);
    }
    expectFloats("lstm", step, { hidden: state.hidden, cell: state.cell });
  }
  const gates = linearOutput(step, x, run.weightIh); // the input's part, before activation
  const hidden = statesOverTime(step, run), cells = statesOverTime(step, run);
  if (state) beginAt(run, [[hidden, state.hidden], [cells, state.cell]]);
  const output = step.tensor([T, B, H]);
  overTime(run, {
    direction: "forward",
    states: hidden.before,
    inputs: [biasIh, biasHh],
    outputs: [hidden.all, gates, cells.all, output],
  });

  step.record({
    name: "lstm",
    inputs: [x, weightIh, weightHh, biasIh, biasHh],
    output,
    backward: (dOutput) => {
      using dCell = gpu.temporary([B, H]);
      overTime(run, {
        direction: "backward",
        states: gates,
        inputs: [cells.all, dOutput],
        outputs: [gates, dCell],
      });
      // By now the gates hold their gradient.
      return layerGradients(step, run, hidden.before, gates, gates);
    },
  });
  return { output, state: { hidden: hidden.last, cell: cells.last } };
}
