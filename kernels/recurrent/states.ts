/** A recurrent layer's states over time. */

import type { Step } from "../autograd/step.ts";
import { sizeOf } from "../device/dtype.ts";
import { forParts } from "../device/for_parts.ts";
import { expectShape, type Tensor } from "../device/tensor.ts";
import type { RecurrentRun } from "./recurrent.ts";
import firstStates from "./recurrent_first.wgsl" with { type: "text" };

/** A layer's states over time, in one buffer. */
export interface States {
  /** All of them, as kernels see them: `before`, a gap, `last`. */
  readonly all: Tensor;
  /** The state before each time step, [T, B, H]. */
  readonly before: Tensor;
  /** The state after the last one, [B, H]. */
  readonly last: Tensor;
}

/** Floats between two places where a tensor can begin: {@linkcode Tensor.slice}. */
const ALIGNED = 64;

/** Where the last state begins, after so many floats. */
export function lastAt(floats: number): number {
  return Math.ceil(floats / ALIGNED) * ALIGNED;
}

/** States over time; the first time step writes zeros, unless they begin at a state. */
export function statesOverTime(step: Step, { T, B, H }: RecurrentRun): States {
  const size = B * H, begin = lastAt(T * size), all = step.tensor([begin + size]);
  const part = (first: number, shape: readonly number[]) => {
    using flat = all.slice(first, sizeOf(shape));
    return step.own(flat.reshape(shape));
  };
  return { all, before: part(0, [T, B, H]), last: part(begin, [B, H]) };
}

/** Lets states over time begin at states [B, H], but for rows that begin anew, in one launch. */
export function beginAt(
  { gpu, kind: { name }, B, H, resets }: RecurrentRun,
  pairs: readonly (readonly [States, Tensor])[],
): void {
  for (const [, state] of pairs) expectShape(name, "state", state, [B, H]);
  const states = pairs.map(([, state]) => state);
  gpu.dispatch({
    label: `${name}.first`,
    source: forParts(firstStates, pairs.length),
    inputs: [resets ?? states[0]!, ...states],
    outputs: pairs.map(([{ all }]) => all),
    uniform: { B, H, with_resets: Number(resets !== undefined) },
    grid: Math.ceil(B * H / 64),
  });
}
