/** Gradients of tables too large to be held a second time. */

import type { Scope } from "../device/scope.ts";
import type { Tensor } from "../device/tensor.ts";

/** A gradient [V, W] of which a tile of rows exists at a time, computed as often as it is asked for. */
export interface TiledGradient {
  /** Tells it from other gradients. */
  readonly kind: "tiled";
  /** [1] Sum of the squares of all elements. */
  readonly sumOfSquares: Tensor;
  /**
   * Calls `use` with the gradient [count, W] of the rows from `first` on, tile after tile; it may change
   * these rows of the table.
   *
   * @throws {TypeError} If what the gradient is computed from has changed since the backward pass.
   */
  forEach(use: (first: number, gradient: Tensor) => void): void;
}

/** The whole of `gradient`, of `table` [V, W]. */
export function assemble(scope: Scope, table: Tensor, gradient: TiledGradient): Tensor {
  const out = scope.tensor(table.shape), width = table.size / table.shape[0]!;
  gradient.forEach((first, rows) => scope.gpu.copy(rows, out, { toStart: first * width }));
  return out;
}
