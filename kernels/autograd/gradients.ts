/** The result of a backward pass: one gradient, dense, sparse or tiled, for each tensor. */

import { type MergedGradient, scatterRows, type SparseGradient } from "../accumulate/merge_rows.ts";
import type { Scope } from "../device/scope.ts";
import { expectTensor, type Tensor } from "../device/tensor.ts";
import { assemble, type TiledGradient } from "./tiled_gradient.ts";

/**
 * A gradient, by its `kind`: dense (a tensor of the same shape as the tensor that it is a gradient of),
 * sparse (some rows; the others are zero), or tiled (computed tile by tile).
 */
export type Gradient = Tensor | SparseGradient | TiledGradient;

/** The sum of all gradients that reached a tensor; a sparse one has each row once. */
export type SummedGradient = Tensor | MergedGradient | TiledGradient;

/** Gradients by tensor; they end with the step that computed them. */
export class Gradients {
  readonly #scope: Scope;
  readonly #gradients: Map<Tensor, SummedGradient>;

  /** Used by {@linkcode Step.backward}; `scope` owns the gradients. */
  constructor(scope: Scope, gradients: Iterable<readonly [Tensor, SummedGradient]> = []) {
    this.#scope = scope;
    this.#gradients = new Map(gradients);
  }

  /** The gradient of `tensor`; undefined if none reached it. */
  get(tensor: Tensor): SummedGradient | undefined {
    expectTensor("gradients", "it", tensor);
    return this.#gradients.get(tensor);
  }

  /**
   * The gradient of `tensor` as one dense tensor.
   *
   * @throws {TypeError} If it is tiled, and a tensor that it is computed from has changed, as by an update.
   */
  toDense(tensor: Tensor): Tensor | undefined {
    const gradient = this.get(tensor);
    if (!gradient) return undefined;
    const dense = denseOf(this.#scope, tensor, gradient);
    // Kept: it could not be computed again after an update.
    if (gradient.kind === "tiled") this.#gradients.set(tensor, dense);
    return dense;
  }
}

/** `gradient`, of `tensor`, as one dense tensor. */
export function denseOf(scope: Scope, tensor: Tensor, gradient: SummedGradient): Tensor {
  switch (gradient.kind) {
    case "dense":
      return gradient;
    case "sparse":
      return scatterRows(scope, gradient, tensor);
    case "tiled":
      return assemble(scope, tensor, gradient);
  }
}
