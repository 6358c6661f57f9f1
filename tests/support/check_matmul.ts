/** Checks products of matrices against float64. */

import { assertEquals } from "@std/assert";
import type { Gpu } from "../../kernels/gpu.ts";
import {
  matmulInto,
  type MatmulIntoOptions,
  type MatmulKernel,
} from "../../kernels/matmul/matmul.ts";
import { readsTexels } from "../../kernels/matmul/matmul_texel.ts";
import { multiplyFromWorkgroup } from "../../kernels/matmul/matmul_workgroup.ts";
import { weightFor } from "../../kernels/matmul/weight.ts";
import type { Plan } from "../../kernels/matmul/workgroup_tile.ts";
import { inHalf } from "../reference/half.ts";
import { assertWithin, numbers, type Product, referenceMatmul } from "../reference/matmul.ts";
import { poisoned } from "./poisoned.ts";

/** Whether each operand is transposed, in all ways. */
export const TRANSPOSES = [[false, false], [false, true], [true, false], [true, true]] as const;

/** The kernels that this adapter can run. */
export function kernelsOf(gpu: Gpu): MatmulKernel[] {
  return readsTexels(gpu) ? ["texel", "register", "workgroup"] : ["register", "workgroup"];
}

/** A product, and how it is computed. */
export interface MatmulVariant extends Product {
  bias?: boolean;
  accumulate?: boolean;
  kernel?: MatmulKernel;
  /** Of the workgroup kernel, whatever the sizes are. */
  plan?: Plan;
}

/** Multiplies on the GPU, compares, and checks that nothing was stored past the result's end. */
export async function checkMatmul(gpu: Gpu, variant: MatmulVariant): Promise<Float32Array> {
  const { m, n, k, transposeA = false, transposeB = false, accumulate = false } = variant;
  const [dataA, dataB] = [numbers(m * k, m + 1), numbers(k * n, n + 2)];
  const [dataBias, before] = [numbers(n, 3), numbers(m * n, 4)];
  const [a, wholeA] = poisoned(gpu, transposeA ? [k, m] : [m, k], dataA);
  const [b, wholeB] = poisoned(gpu, transposeB ? [n, k] : [k, n], dataB);
  const [bias, wholeBias] = poisoned(gpu, [n], dataBias);
  const [c, wholeC] = poisoned(gpu, [m, n], before);
  const options: MatmulIntoOptions = { transposeA, transposeB, accumulate };
  if (variant.bias) options.bias = bias;
  if (variant.kernel) options.kernel = variant.kernel;
  const { plan } = variant;
  using step = gpu.step();
  const read = weightFor(step, b);
  if (plan) multiplyFromWorkgroup(gpu, c, a, read, { m, n, k }, options, plan);
  else matmulInto(gpu, c, a, read, options);
  const stored = await gpu.readFloats(wholeC);
  for (const tensor of [a, wholeA, b, wholeB, bias, wholeBias, c, wholeC]) tensor.dispose();
  const actual = stored.subarray(0, m * n);
  const reference = referenceMatmul(
    dataA,
    gpu.compute === "f16" ? inHalf(dataB) : dataB,
    variant,
    variant.bias ? dataBias : undefined,
    accumulate ? before : undefined,
  );
  const name = JSON.stringify(variant);
  assertWithin(actual, reference, name);
  assertEquals(stored.subarray(m * n).findIndex((x) => !Number.isNaN(x)), -1, name);
  return actual;
}
