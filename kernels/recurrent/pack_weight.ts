/** A recurrent weight as the kernels for GPUs read it. */

import type { Step } from "../autograd/step.ts";
import type { Tensor } from "../device/tensor.ts";
import { withWeight } from "../matmul/weight.ts";
import packSource from "./pack_weight.wgsl" with { type: "text" };

const sources = withWeight(packSource);

/** The recurrent weight as each pass reads it; `backward` only if gradients flow. */
export interface PassWeights {
  readonly forward: Tensor;
  readonly backward?: Tensor;
}

/**
 * The `weight` [G H, H] with the gates beside each other, in 16 bits if the device computes so; for the
 * backward pass, too, if `both`. They end with the step, unless a pass ends them before.
 */
export function packWeight(step: Step, weight: Tensor, both: boolean): PassWeights {
  const { gpu } = step, H = weight.shape[1]!, K = Math.ceil((H + 1) / 4) * 4;
  const make = () => step.tensor([K, H, 4], gpu.compute);
  const packed = both ? { forward: make(), backward: make() } : { forward: make() };
  gpu.dispatch({
    label: "packWeight",
    source: sources[gpu.compute],
    entry: both ? "pack_both" : "pack_forward",
    inputs: [weight],
    outputs: Object.values(packed),
    uniform: { H, gates: weight.shape[0]! / H, K },
    grid: Math.ceil(K * H / 64),
  });
  return packed;
}
