/** Systematic sampling without replacement: tables on the CPU, draws on the GPU. */

import type { Device } from "../device/device.ts";
import { forParts } from "../device/for_parts.ts";
import { boundParts } from "../device/part_bindings.ts";
import { type RandomKey, randomUniform, withRandom } from "./philox.ts";
import kernel from "./systematic.wgsl" with { type: "text" };
import type { Tensor } from "../device/tensor.ts";

const source = withRandom(kernel);
const UNIT = 2 ** 32;

/** Tables for drawing `k` of V classes. */
export interface SystematicTable {
  /** [V] Probability that a class is among the samples. */
  readonly inclusion: Float64Array;
  /** [V, 2] Cumulative inclusion: whole part, and fraction in units of 2^-32. */
  readonly cumulative: Uint32Array;
}

/**
 * Inclusion probabilities `min(alpha q, 1)`, with alpha such that they sum to `k`. They are kept in units of
 * 2^-32: their sum is exact, and no class can be drawn twice. Every class has at least one unit.
 *
 * @throws {RangeError} Unless `k` is an integer from 1 to the number of classes.
 */
export function systematicTable(probabilities: Float64Array, k: number): SystematicTable {
  const V = probabilities.length;
  if (!Number.isSafeInteger(k) || k < 1 || k > V) {
    throw new RangeError(`Cannot draw ${k} different ones of ${V} classes`);
  }
  // alpha is at least k: with this floor no class falls below one unit.
  const q = probabilities.map((p) => Math.max(p, 2 / (k * UNIT)));
  const order = new Uint32Array(q.keys()).sort((a, b) => q[b]! - q[a]!);
  // rest[i]: the sum from rank i on, added from the smallest up, to keep its last digits.
  const rest = new Float64Array(V + 1);
  for (let rank = V - 1; rank >= 0; rank--) rest[rank] = rest[rank + 1]! + q[order[rank]!]!;
  // A class is certain if its share of the remaining draws is at least one.
  let certain = 0;
  while (certain < k && (k - certain) * q[order[certain]!]! >= rest[certain]!) certain++;
  const alpha = (k - certain) / rest[certain]!;
  const units = new Float64Array(V);
  let missing = k * UNIT;
  order.forEach((y, rank) => {
    missing -= units[y] = rank < certain ? UNIT : Math.floor(Math.min(1, alpha * q[y]!) * UNIT);
  });
  // Units lost by rounding are handed back one at a time, where there is room.
  for (let rank = certain; missing !== 0; rank = rank + 1 < V ? rank + 1 : certain) {
    const y = order[rank]!, unit = Math.sign(missing);
    if (units[y]! + unit > UNIT || units[y]! + unit < 1) continue;
    units[y]! += unit;
    missing -= unit;
  }
  const cumulative = new Uint32Array(2 * V);
  let whole = 0, fraction = 0;
  units.forEach((unit, y) => {
    fraction += unit;
    if (fraction >= UNIT) whole++, fraction -= UNIT;
    cumulative[2 * y] = whole;
    cumulative[2 * y + 1] = fraction;
  });
  return { inclusion: units.map((unit) => unit / UNIT), cumulative };
}

/** Fills `out` [k] with different ids by the `cumulative` table [V, 2]. */
export function systematicDrawInto(
  gpu: Device,
  out: Tensor,
  cumulative: Tensor,
  key: RandomKey,
): void {
  const V = cumulative.shape[0]!;
  // From the last parts to the first: a later launch puts its class in the place of one that comes after it.
  for (const { tensors, count, first, rows } of boundParts(gpu, [cumulative], 1).reverse()) {
    gpu.dispatch({
      label: "systematic",
      source: forParts(source, count),
      inputs: tensors,
      outputs: [out],
      uniform: {
        K: out.size,
        V,
        first,
        end: Math.min(V, first + count * rows),
        rows,
        ...randomUniform(key),
      },
      grid: Math.ceil(out.size / 64),
    });
  }
}
