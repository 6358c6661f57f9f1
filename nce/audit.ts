/** Gradient audit: how far the sampled gradient is from the exact one. */

import { expectFunction, expectList, expectPositive, show } from "../kernels/device/expect.ts";
import type { Gpu } from "../kernels/gpu.ts";
import type { Step } from "../kernels/autograd/step.ts";
import type { Tensor } from "../kernels/device/tensor.ts";
import { sum } from "../kernels/elementwise/reduce.ts";
import { expectOptions } from "./nn/module.ts";
import { NCELoss } from "./nce_loss.ts";
import type { LossType } from "./nce_options.ts";

const DOING = "make an audit";

/** The result of an audit; g is the exact gradient, g^ a sampled one, over several draws of the noise. */
export interface Audit {
  /** Mean of cos(g^, g); 0 for a draw whose gradient is zero. */
  readonly cosine: number;
  /** |mean of g^ - g| / |g| */
  readonly bias: number;
  /** mean of |g^ - mean of g^|^2 / |g|^2 */
  readonly variance: number;
  /** |mean of g^| / |g| */
  readonly length: number;
}

/** Options of {@linkcode auditGradient}. */
export interface AuditOptions {
  /** Number of draws of the noise; 8 unless given. */
  draws?: number;
  /** Seed of the draws; 0 unless given. */
  seed?: number;
}

/**
 * Compares the gradient of the criterion's sampled loss with that of exact cross entropy, over the
 * criterion's parameters, on the batch that `inputs` uploads (target ids first, then what `forward` takes).
 *
 * NCE's expected gradient approaches that of cross entropy only as k grows: for `nce`, look at the cosine.
 *
 * @throws {TypeError} If the criterion has no `scoreAllClasses`, or its loss is `"full"`.
 */
export async function auditGradient<Input extends readonly unknown[]>(
  gpu: Gpu,
  criterion: NCELoss<Input>,
  inputs: (step: Step) => readonly [target: Tensor, ...Input],
  options: AuditOptions = {},
): Promise<Audit> {
  expectOptions("an audit", gpu, options);
  const { draws = 8, seed = 0 } = options;
  expectPositive(DOING, "draws", draws);
  if (!(criterion instanceof NCELoss)) {
    throw new TypeError(`Cannot ${DOING}: criterion is ${show(criterion)}, not an NCELoss`);
  }
  expectFunction(DOING, "inputs", inputs);
  const { lossType } = criterion;
  if (lossType === "full") throw new TypeError('Cannot audit loss "full": it is exact');
  const exact = await gradientOf(gpu, criterion, inputs, "full", seed, 0);
  const norm = Math.sqrt(dot(exact, exact));
  const mean = new Float64Array(exact.length);
  let cosine = 0, square = 0;
  for (let number = 0; number < draws; number++) {
    const sampled = await gradientOf(gpu, criterion, inputs, lossType, seed, number);
    const length = dot(sampled, sampled);
    if (length > 0) cosine += dot(sampled, exact) / (Math.sqrt(length) * norm) / draws;
    square += length / draws;
    for (let i = 0; i < mean.length; i++) mean[i]! += sampled[i]! / draws;
  }
  const distance = dot(mean, mean) - 2 * dot(mean, exact) + norm ** 2;
  return {
    cosine,
    bias: Math.sqrt(Math.max(0, distance)) / norm,
    variance: (square - dot(mean, mean)) / norm ** 2,
    length: Math.sqrt(dot(mean, mean)) / norm,
  };
}

async function gradientOf<Input extends readonly unknown[]>(
  gpu: Gpu,
  criterion: NCELoss<Input>,
  inputs: (step: Step) => readonly [target: Tensor, ...Input],
  lossType: LossType,
  seed: number,
  number: number,
): Promise<Float64Array> {
  const before = criterion.lossType;
  criterion.lossType = lossType;
  try {
    using step = gpu.step({ training: true, seed, number });
    const given = inputs(step);
    expectList(DOING, "inputs()", given);
    const [target, ...input] = given;
    const loss = criterion.forward(step, target, ...(input as unknown as Input));
    const total = criterion.reduction === "none" ? sum(step, loss) : loss;
    const gradients = step.backward(total);
    const parts: Float32Array[] = [];
    for (const [, parameter] of criterion.parameters()) {
      const gradient = gradients.toDense(parameter);
      parts.push(gradient ? await gpu.readFloats(gradient) : new Float32Array(parameter.size));
    }
    const all = new Float64Array(parts.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of parts) all.set(part, at), at += part.length;
    return all;
  } finally {
    criterion.lossType = before;
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}
