/** Gradients of tables that are too large to hold a second time. */

import { type Scope, tensorLike } from "../device/scope.ts";
import type { Tensor } from "../device/tensor.ts";

/** A gradient [V, W] that is computed a tile of rows at a time, again whenever it is needed. */
export interface TiledGradient {
  /** The kind of gradient. */
  readonly kind: "tiled";
  /** [1] Sum of the squares of all elements. */
  readonly sumOfSquares: Tensor;
  /**
   * Calls `use` for each tile with the gradient [count, W] of the rows from `first` on; `use` may change
   * these rows of the table.
   *
   * @throws {TypeError} If a tensor that the gradient is computed from has changed since the backward pass.
   */
  forEach(use: (first: number, gradient: Tensor) => void): void;
}

/** `gradient`, of `table` [V, W], as one tensor. */
export function assemble(scope: Scope, table: Tensor, gradient: TiledGradient): Tensor {
  const out = tensorLike(scope, table), width = table.size / table.shape[0]!;
  gradient.forEach((first, rows) => scope.gpu.copy(rows, out, { toStart: first * width }));
  return out;
}
