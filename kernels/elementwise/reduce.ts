/** Sums of all elements or of products, in a fixed order. */

import type { Device } from "../device/device.ts";
import { scale } from "./arithmetic.ts";
import { fill } from "./fill.ts";
import { expectTable, withTable } from "../device/tables.ts";
import workgroupSum from "./_workgroup_sum.wgsl" with { type: "text" };
import reduceSource from "./reduce.wgsl" with { type: "text" };
import { isOne, isOnTape, type Step } from "../autograd/step.ts";
import { expectFloats, expectShape, partsOf, type Tensor } from "../device/tensor.ts";

const kernel = withTable(workgroupSum + reduceSource);

const MAX_GROUPS = 128;

/** Number of partial sums of a tensor in one buffer. */
function groupsOf(size: number): number {
  return Math.min(MAX_GROUPS, Math.ceil(size / 1024));
}

/** Number of partial sums of a tensor. */
function partialCount(tensor: Tensor): number {
  return partsOf(tensor).reduce((count, { size }) => count + groupsOf(size), 0);
}

/** Writes {@linkcode partialCount} sums of `a`, or of `a * b`, to `partials`. */
function partialSums(gpu: Device, partials: Tensor, a: Tensor, b?: Tensor) {
  const square = b === a, others = b && partsOf(b);
  let offset = 0;
  for (const [i, part] of partsOf(a).entries()) {
    const groups = groupsOf(part.size), { source, vec } = kernel(part.size, part.dtype);
    gpu.dispatch({
      label: "sum",
      source,
      entry: "partial",
      constants: { PRODUCT: b && !square ? 1 : 0, SQUARE: square ? 1 : 0 },
      halves: part.dtype === "f16",
      inputs: [part, others?.[i] ?? part],
      outputs: [partials],
      uniform: { n: part.size / vec, groups, offset },
      grid: groups,
    });
    offset += groups;
  }
}

function total(step: Step, a: Tensor, b?: Tensor): Tensor {
  const { gpu } = step, out = step.tensor([1]), count = partialCount(a);
  using partials = count > 1 ? gpu.temporary([count]) : undefined;
  partialSums(gpu, partials ?? out, a, b);
  if (!partials) return out;
  const { source, vec } = kernel(partials.size, partials.dtype);
  gpu.dispatch({
    label: "sum",
    source,
    entry: "total",
    inputs: [partials],
    outputs: [out],
    uniform: { n: partials.size / vec, groups: 1, offset: 0 },
    grid: 1,
  });
  return out;
}

/** Sum of all elements, as a tensor [1]. */
export function sum(step: Step, a: Tensor): Tensor {
  expectTable("sum", step, a, "a");
  return step.record({
    name: "sum",
    inputs: [a],
    output: total(step, a),
    backward: (dOut) => [fill(step, a, dOut)],
  });
}

/** Mean of all elements, as a tensor [1]. */
export function mean(step: Step, a: Tensor): Tensor {
  expectTable("mean", step, a, "a");
  return scale(step, sum(step, a), 1 / a.size);
}

/** Sum of `weight * a` over all elements, as a tensor [1]; no gradient flows to `weight`. */
export function weightedSum(step: Step, a: Tensor, weight: Tensor): Tensor {
  expectFloats("weightedSum", step, { a, weight });
  expectShape("weightedSum", "weight", weight, a.shape);
  return step.record({
    name: "weightedSum",
    inputs: [a],
    output: total(step, a, weight),
    backward: (dOut) => {
      // Where a step's loss ends, its weights pass on as they are: a launch less. But a caller must not get the
      // weight itself as a gradient: it may change, for example by an update.
      const passes = isOne(step, dOut) && isOnTape(step, a);
      return [passes ? weight : fill(step, a, dOut, weight)];
    },
  });
}
