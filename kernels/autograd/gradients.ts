/** What comes out of a backward pass: one gradient, dense, sparse or tiled, for each tensor. */

import { type MergedGradient, scatterRows, type SparseGradient } from "../accumulate/merge_rows.ts";
import type { Scope } from "../device/scope.ts";
import { expectTensor, type Tensor } from "../device/tensor.ts";
import { assemble, type TiledGradient } from "./tiled_gradient.ts";

/**
 * A gradient; `kind` tells which: of all elements (a tensor of the shape of what it is a gradient of), of
 * some rows, the others being zero, or computed tile by tile.
 */
export type Gradient = Tensor | SparseGradient | TiledGradient;

/** The sum of all gradients that flowed to a tensor: a sparse one has each row once. */
export type SummedGradient = Tensor | MergedGradient | TiledGradient;

/** Gradients keyed by tensor; they end with the step that computed them. */
export class Gradients {
  readonly #scope: Scope;
  readonly #gradients: Map<Tensor, SummedGradient>;

  /** Used by {@linkcode Step.backward}; `scope` owns the gradients. */
  constructor(scope: Scope, gradients: Iterable<readonly [Tensor, SummedGradient]> = []) {
    this.#scope = scope;
    this.#gradients = new Map(gradients);
  }

  /** The gradient of `tensor`; undefined if none flowed to it. */
  get(tensor: Tensor): SummedGradient | undefined {
    expectTensor("gradients", "it", tensor);
    return this.#gradients.get(tensor);
  }

  /**
   * The gradient of `tensor` with all its rows, in one piece: computed if it is sparse or tiled.
   *
   * @throws {TypeError} If it is tiled, and what it is computed from has changed, by an update for example.
   */
  toDense(tensor: Tensor): Tensor | undefined {
    const gradient = this.get(tensor);
    if (!gradient) return undefined;
    const dense = denseOf(this.#scope, tensor, gradient);
    // It may be asked for again after an update.
    if (gradient.kind === "tiled") this.#gradients.set(tensor, dense);
    return dense;
  }
}

/** All of `gradient`, of `tensor`, in one piece. */
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
