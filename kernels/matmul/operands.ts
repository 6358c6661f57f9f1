/** What the kernels of the matrix product have in common: its operands, its sizes, long sums in chunks. */

import type { Compute } from "../device/adapter.ts";
import type { Launch } from "../device/launch.ts";
import type { Tensor } from "../device/tensor.ts";
import operands from "./_operands.wgsl" with { type: "text" };
import shifted from "./_shifted.wgsl" with { type: "text" };
import storeScalars from "./_store_scalars.wgsl" with { type: "text" };
import storeVectors from "./_store_vectors.wgsl" with { type: "text" };
import tileOrder from "./_tile_order.wgsl" with { type: "text" };
import { withWeight } from "./weight.ts";

/** Which operands of a product are transposed. */
export interface MatmulOptions {
  /** Use the transpose of the first operand. */
  transposeA?: boolean;
  /** Use the transpose of the second operand. */
  transposeB?: boolean;
}

/** How a product is computed. */
export interface ProductOptions extends MatmulOptions {
  /** [n]; added to every row. */
  bias?: Tensor;
  /** Add to what `c` holds instead of replacing it. */
  accumulate?: boolean;
  /** The row of `a` at which to begin, 0 unless given; it may go on after the last row that is used. */
  row?: number;
}

/** Sizes of one product: [m, k] times [k, n]. */
export interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** `x` [..., W] as a matrix [N, W]; the caller disposes of it. */
export function asMatrix(x: Tensor): Tensor {
  const width = x.shape.at(-1)!;
  return x.reshape([x.size / width, width]);
}

/** The variant of a kernel's source that reads `b`. */
export function sourceFor(sources: Readonly<Record<Compute, string>>, b: Tensor): string {
  return sources[b.dtype === "f16" ? "f16" : "f32"];
}

/** The WGSL of a product by the kernel `source`, for results with `n` columns and the second operand `b`. */
export function productSource(source: string): (n: number, b: Tensor) => string {
  const [vectors, scalars] = [storeVectors, storeScalars].map((store) =>
    withWeight(shifted + tileOrder + store + operands + source)
  );
  return (n, b) => sourceFor(n % 4 === 0 ? vectors! : scalars!, b);
}

/** What launches of all kernels have in common. An absent bias is bound all the same: any tensor will do. */
export function productLaunch(
  c: Tensor,
  a: Tensor,
  b: Tensor,
  { m, n, k }: Sizes,
  { transposeA = false, transposeB = false, bias, accumulate = false, row = 0 }: ProductOptions,
) {
  const aligned = (size: number) => size % 4 === 0 ? 1 : 0;
  return {
    label: "matmul",
    constants: {
      TRANSPOSE_A: transposeA ? 1 : 0,
      TRANSPOSE_B: transposeB ? 1 : 0,
      VECTOR_A: aligned(transposeA ? m : k),
      VECTOR_B: aligned(transposeB ? k : n),
      ACCUMULATE: accumulate ? 1 : 0,
    },
    inputs: [a, a, b, b, bias ?? b],
    outputs: [c],
    uniform: {
      m,
      n,
      k,
      begin: 0,
      depth: k,
      bias: bias ? 1 : 0,
      row,
      width_a: a.shape[1]!,
      width_b: b.shape[1]!,
    },
  } satisfies Partial<Launch>;
}

/** Cuts sums of `k` into equal chunks of at most `longest`, which are added up in order. */
export function inChunks(
  k: number,
  longest: number,
  { bias, accumulate = false, ...operands }: ProductOptions,
  multiply: (range: { begin: number; depth: number }, how: ProductOptions) => void,
): void {
  const depth = Math.ceil(k / Math.ceil(k / longest) / 4) * 4;
  for (let begin = 0; begin < k; begin += depth) {
    const first = begin === 0;
    const how = { ...operands, accumulate: accumulate || !first };
    multiply({ begin, depth }, first && bias ? { ...how, bias } : how);
  }
}
