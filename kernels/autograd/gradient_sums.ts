/** Sums the gradients that reach a tensor in a backward pass, of whatever kinds. */

import { sumOf } from "../accumulate/add.ts";
import { show } from "../device/expect.ts";
import { denseOf, type Gradient, Gradients, type SummedGradient } from "./gradients.ts";
import {
  addRows,
  type MergedGradient,
  mergeRows,
  scatterRows,
  type SparseGradient,
} from "../accumulate/merge_rows.ts";
import type { Scope } from "../device/scope.ts";
import { expectShape, type Tensor } from "../device/tensor.ts";
import { assemble, type TiledGradient } from "./tiled_gradient.ts";

/** The gradients that have reached a tensor so far. */
export interface Flow {
  dense?: Tensor | undefined;
  /** Whether nobody else has `dense`, so that it may be changed. */
  isOwn?: boolean | undefined;
  tiled?: TiledGradient | undefined;
  readonly sparse: SparseGradient[];
  /** The sum itself, if it was computed elsewhere. */
  readonly merged?: MergedGradient;
}

/** Gradients that are still being summed. */
export class GradientSums {
  readonly #scope: Scope;
  /** What is still to be summed, by tensor. */
  readonly #flows = new Map<Tensor, Flow>();

  /** `scope` owns what is computed. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /**
   * Adds a gradient of `tensor` that comes from the operation `op`. A tiled one remains tiled if it is alone.
   *
   * @throws {TypeError} If it is no gradient, or one of another shape.
   */
  add(op: string, tensor: Tensor, gradient: Gradient): void {
    const flow = this.#flows.get(tensor) ?? { sparse: [] };
    this.#flows.set(tensor, flow);
    switch (gradient.kind) {
      case "dense":
        expectShape("backward", `the gradient of ${op}`, gradient, tensor.shape);
        return addDense(this.#scope, flow, gradient);
      case "sparse":
        flow.sparse.push(gradient);
        return;
      case "tiled":
        if (flow.tiled) addDense(this.#scope, flow, assemble(this.#scope, tensor, gradient));
        else flow.tiled = gradient;
        return;
      default:
        throw new TypeError(
          `Cannot run backward: the gradient of ${op} is ${show(gradient)}, not a tensor or ` +
            'an object of the kind "sparse" or "tiled"',
        );
    }
  }

  /** Removes and returns the gradient of an intermediate tensor, dense. */
  take(tensor: Tensor): Tensor | undefined {
    const flow = this.#flows.get(tensor);
    this.#flows.delete(tensor);
    return flow && denseOf(this.#scope, tensor, this.#summed(tensor, flow));
  }

  /** Removes and returns the sum of the dense gradients that have reached `tensor`; those of other kinds stay. */
  takeDense(tensor: Tensor): Tensor | undefined {
    const flow = this.#flows.get(tensor), dense = flow?.dense;
    delete flow?.dense;
    return dense;
  }

  /** What has reached each tensor that was not taken. A tiled gradient is the only one of its tensor. */
  reached(): (readonly [tensor: Tensor, flow: Readonly<Flow>])[] {
    for (const [tensor, flow] of this.#flows) joinTiles(this.#scope, tensor, flow);
    return [...this.#flows];
  }

  /** Takes `flow` for what has reached `tensor`. */
  replace(tensor: Tensor, flow: Flow): void {
    this.#flows.set(tensor, flow);
  }

  /** The sums for all tensors that were not taken. */
  finish(): Gradients {
    const sums = [...this.#flows].map(([tensor, flow]) => {
      return [tensor, this.#summed(tensor, flow)] as const;
    });
    return new Gradients(this.#scope, sums);
  }

  #summed(tensor: Tensor, flow: Flow): SummedGradient {
    if (flow.merged) return flow.merged;
    const scope = this.#scope;
    joinTiles(scope, tensor, flow);
    const { dense, tiled, sparse } = flow;
    if (tiled) return tiled;
    if (dense && sparse.length === 0) return dense;
    const rows = mergeRows(scope, tensor, sparse);
    if (!dense) return rows;
    if (!flow.isOwn) return scatterRows(scope, rows, tensor, dense);
    addRows(scope, rows, dense);
    return dense;
  }
}

function addDense(scope: Scope, flow: Flow, gradient: Tensor): void {
  flow.dense = flow.dense ? sumOf(scope, flow.dense, gradient) : gradient;
}

/** Adds a tiled gradient of `tensor` to the dense ones, unless it is alone. */
function joinTiles(scope: Scope, tensor: Tensor, flow: Flow): void {
  const { tiled, dense, sparse } = flow;
  if (!tiled || (!dense && sparse.length === 0)) return;
  addDense(scope, flow, assemble(scope, tensor, tiled));
  flow.isOwn = true;
  delete flow.tiled;
}
