/** Losses that hold ln Z by itself, so that gradients flow through both outputs of exact cross entropy. */

import type { Step, Tensor } from "../../mod.ts";
import { add, type NormalizedScores, scale } from "../../kernels/ops.ts";
import type { SoftmaxParts } from "../reference/losses.ts";

/** No ln Z, some, and ln Z alone. */
export const SOFTMAX_PARTS: readonly SoftmaxParts[] = [
  { loss: 1, logZ: 0 },
  { loss: 0.7, logZ: -1.3 },
  { loss: 0, logZ: 1 },
];

/** `parts.loss loss + parts.logZ ln Z`, of those that are not 0. */
export function mixParts(
  step: Step,
  { loss, logZ }: NormalizedScores & { loss: Tensor },
  parts: SoftmaxParts,
): Tensor {
  const ofLoss = scale(step, loss, parts.loss), ofLogZ = scale(step, logZ, parts.logZ);
  return parts.logZ === 0 ? ofLoss : parts.loss === 0 ? ofLogZ : add(step, ofLoss, ofLogZ);
}
