/** What comes out of a backward pass: one gradient, dense, row-sparse or tiled, for each tensor. */

import { sumOf } from "./add.ts";
import { mergeRows, type RowGradient, type RowPart, scatterRows } from "./rows.ts";
import type { Scope } from "./scope.ts";
import { expectTensor, type Tensor } from "./tensor.ts";
import { assemble, type TiledGradient } from "./tiled.ts";

/** A gradient: of all elements, of some rows (the others are zero), or computed tile by tile. */
export type Gradient =
  | { readonly kind: "dense"; readonly value: Tensor }
  | { readonly kind: "rows"; readonly value: RowGradient }
  | { readonly kind: "tiled"; readonly value: TiledGradient };

/** Gradients keyed by tensor; they end with the step that computed them. */
export class Gradients {
  readonly #scope: Scope;
  readonly #dense = new Map<Tensor, Tensor>();
  readonly #parts = new Map<Tensor, RowPart[]>();
  readonly #tiled = new Map<Tensor, TiledGradient>();
  readonly #merged = new Map<Tensor, Gradient>();

  /** Used by {@linkcode Step.backward}. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** Adds a dense gradient. */
  addDense(tensor: Tensor, gradient: Tensor): void {
    const before = this.#dense.get(tensor);
    this.#dense.set(tensor, before ? sumOf(this.#scope, before, gradient) : gradient);
  }

  /** Adds the gradient of some rows. */
  addRows(tensor: Tensor, part: RowPart): void {
    const parts = this.#parts.get(tensor);
    if (parts) parts.push(part);
    else this.#parts.set(tensor, [part]);
  }

  /** Adds a gradient that is computed tile by tile; where others are added to it, it becomes dense. */
  addTiled(tensor: Tensor, gradient: TiledGradient): void {
    if (this.#tiled.has(tensor)) this.addDense(tensor, assemble(this.#scope, tensor, gradient));
    else this.#tiled.set(tensor, gradient);
  }

  /** Removes and returns the gradient of an intermediate tensor, dense. */
  take(tensor: Tensor): Tensor | undefined {
    const gradient = this.dense(tensor);
    this.#dense.delete(tensor);
    this.#parts.delete(tensor);
    this.#tiled.delete(tensor);
    this.#merged.delete(tensor);
    return gradient;
  }

  /** The gradient of `tensor`, rows with the same id summed; undefined if none flowed to it. */
  get(tensor: Tensor): Gradient | undefined {
    expectTensor("gradients", "it", tensor);
    const known = this.#merged.get(tensor);
    if (known) return known;
    const gradient = this.#merge(tensor);
    if (gradient) this.#merged.set(tensor, gradient);
    return gradient;
  }

  /**
   * The gradient of `tensor` with all its rows, in one piece.
   *
   * @throws {TypeError} If it is tiled, and what it is computed from has changed, by an update for example.
   */
  dense(tensor: Tensor): Tensor | undefined {
    const gradient = this.get(tensor);
    if (!gradient || gradient.kind === "dense") return gradient?.value;
    if (gradient.kind === "rows") return scatterRows(this.#scope, gradient.value, tensor);
    const value = assemble(this.#scope, tensor, gradient.value);
    this.#merged.set(tensor, { kind: "dense", value }); // it may be asked for after an update
    return value;
  }

  #merge(tensor: Tensor): Gradient | undefined {
    const tiled = this.#tiled.get(tensor), parts = this.#parts.get(tensor);
    if (tiled) {
      if (!parts && !this.#dense.has(tensor)) return { kind: "tiled", value: tiled };
      this.addDense(tensor, assemble(this.#scope, tensor, tiled));
    }
    const dense = this.#dense.get(tensor);
    if (!parts) return dense && { kind: "dense", value: dense };
    const rows = mergeRows(this.#scope, tensor, parts);
    if (!dense) return { kind: "rows", value: rows };
    return { kind: "dense", value: scatterRows(this.#scope, rows, tensor, dense) };
  }
}
