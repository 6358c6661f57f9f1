/** Matrix products: checks the shapes and picks the kernel for the adapter. */

import type { Device } from "../device/device.ts";
import { expectShape, type Tensor } from "../device/tensor.ts";
import { multiplyFromRegisters } from "./matmul_register.ts";
import { multiplyFromTexels, readsTexels } from "./matmul_texel.ts";
import { multiplyFromWorkgroup } from "./matmul_workgroup.ts";
import type { MatmulOptions, ProductOptions, Sizes } from "./operands.ts";

/** The kernels, by where a product's operands live while they are multiplied. */
export type MatmulKernel = "workgroup" | "texel" | "register";

const KERNELS = {
  workgroup: multiplyFromWorkgroup,
  texel: multiplyFromTexels,
  register: multiplyFromRegisters,
} satisfies Record<MatmulKernel, unknown>;

/** How {@linkcode matmulInto} multiplies. */
export interface MatmulIntoOptions extends ProductOptions {
  /** Overrides the choice by adapter, for a recurrent layer's small products, tests and benchmarks. */
  kernel?: MatmulKernel;
}

/**
 * `c = op(a) op(b) + bias`, or `c += ...`, for row-major float matrices of any sizes; `b` may be a copy of a
 * weight in 16 bits, of which sums are floats of 32.
 *
 * The order of summation depends on the sizes and the kernel alone, so equal calls give equal bits.
 *
 * @throws {TypeError} If the shapes do not fit.
 */
export function matmulInto(
  gpu: Device,
  c: Tensor,
  a: Tensor,
  b: Tensor,
  options: MatmulIntoOptions = {},
): void {
  const sizes = expectProduct(c, a, b, options), { kernel = chooseKernel(gpu) } = options;
  KERNELS[kernel](gpu, c, a, b, sizes, options);
}

function chooseKernel(gpu: Device): MatmulKernel {
  if (gpu.family === "hardware") return "workgroup";
  return readsTexels(gpu) ? "texel" : "register";
}

/** Sizes of `op(a) op(b)`; throws a TypeError unless both are matrices that fit. */
export function productSizes(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: MatmulOptions,
): Sizes {
  const [m, k] = transposeA ? [a.shape[1], a.shape[0]] : a.shape;
  const [inner, n] = transposeB ? [b.shape[1], b.shape[0]] : b.shape;
  const matrices = a.shape.length === 2 && b.shape.length === 2;
  if (matrices && k === inner && a.dtype === "f32" && b.dtype !== "u32") {
    return { m: m!, n: n!, k: k! };
  }
  const name = (t: Tensor, transposed: boolean) =>
    `${t.dtype} [${t.shape}]${transposed ? " transposed" : ""}`;
  throw new TypeError(
    `Cannot multiply ${name(a, transposeA)} by ${name(b, transposeB)}: ` +
      "both must be float matrices, and their inner sizes equal",
  );
}

function expectProduct(c: Tensor, a: Tensor, b: Tensor, options: MatmulIntoOptions): Sizes {
  const { bias, row, transposeA } = options, { m: rows, n, k } = productSizes(a, b, options);
  const m = row === undefined ? rows : c.shape[0]!;
  if (row !== undefined && (transposeA || !(row >= 0 && row + m <= rows))) {
    throw new TypeError(
      `Cannot multiply ${m} rows of [${a.shape}] from ${row} on: not all are there`,
    );
  }
  expectShape("matmul", "the result", c, [m, n]);
  if (bias) expectShape("matmul", "bias", bias, [n]);
  return { m, n, k };
}
