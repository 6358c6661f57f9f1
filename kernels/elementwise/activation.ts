/** Activation functions, elementwise. */

import source from "./activation.wgsl" with { type: "text" };
import type { Step } from "../autograd/step.ts";
import { expectFloats, type Tensor } from "../device/tensor.ts";

const RELU = 0, SIGMOID = 1, TANH = 2;

function activate(step: Step, name: string, OP: number, x: Tensor): Tensor {
  expectFloats(name, step, { x });
  const n4 = Math.ceil(x.size / 4);
  const run = (entry: string, inputs: Tensor[]) => {
    const out = step.tensor(x.shape);
    step.gpu.dispatch({
      label: entry === "forward" ? name : `${name}.${entry}`,
      source,
      entry,
      constants: { OP },
      inputs,
      outputs: [out],
      uniform: { n4 },
      grid: Math.ceil(n4 / 64),
    });
    return out;
  };
  const output = run("forward", [x]);
  return step.record({
    name,
    inputs: [x],
    output,
    backward: (dOut) => [run("backward", [output, dOut])],
  });
}

/** `max(x, 0)`, elementwise; its derivative at 0 is taken as 0. */
export function relu(step: Step, x: Tensor): Tensor {
  return activate(step, "relu", RELU, x);
}

/** `1 / (1 + e^-x)`, elementwise. */
export function sigmoid(step: Step, x: Tensor): Tensor {
  return activate(step, "sigmoid", SIGMOID, x);
}

/** The hyperbolic tangent, elementwise. */
export function tanh(step: Step, x: Tensor): Tensor {
  return activate(step, "tanh", TANH, x);
}
