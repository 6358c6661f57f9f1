/** Weights as the products of layers read them: the parameters themselves, or copies in 16 bits. */

import type { Compute } from "../device/adapter.ts";
import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";
import half from "./_weight_f16.wgsl" with { type: "text" };
import full from "./_weight_f32.wgsl" with { type: "text" };
import copySource from "./weight.wgsl" with { type: "text" };

/** Both variants of `source`, which is written for a `Weight`. Nothing may stand before them: see `enable`. */
export function withWeight(source: string): Readonly<Record<Compute, string>> {
  return { f32: full + source, f16: half + source };
}

const source = withWeight(copySource).f16;

/**
 * What products read of a layer's `weight`: on a device that computes in "f16" a copy in 16 bits, which ends
 * with the step; else the weight itself.
 */
export function weightFor(step: Step, weight: Tensor): Tensor {
  if (step.gpu.compute === "f32") return weight;
  const copy = step.tensor(weight.shape, "f16"), vectors = Math.ceil(weight.size / 4);
  step.gpu.dispatch({
    label: "weight.copy",
    source,
    inputs: [weight],
    outputs: [copy],
    uniform: { vectors },
    grid: Math.ceil(vectors / 64),
  });
  return copy;
}
