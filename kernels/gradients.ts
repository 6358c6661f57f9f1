/** What comes out of a backward pass: one dense or row-sparse gradient for each tensor. */

import { add } from "./elementwise.ts";
import { mergeRows, type RowGradient, type RowPart, scatterRows } from "./rows.ts";
import type { Step } from "./step.ts";
import type { Tensor } from "./tensor.ts";

/** A gradient: of all elements, or of some rows (the others are zero). */
export type Gradient =
  | { readonly kind: "dense"; readonly value: Tensor }
  | { readonly kind: "rows"; readonly value: RowGradient };

/** Gradients keyed by tensor; they end with the step that computed them. */
export class Gradients {
  /** The step that owns the gradients. */
  readonly step: Step;
  readonly #dense = new Map<Tensor, Tensor>();
  readonly #parts = new Map<Tensor, RowPart[]>();
  readonly #merged = new Map<Tensor, Gradient>();

  /** Used by {@linkcode Step.backward}. */
  constructor(step: Step) {
    this.step = step;
  }

  /** Adds a dense gradient. */
  addDense(tensor: Tensor, gradient: Tensor): void {
    const before = this.#dense.get(tensor);
    this.#dense.set(tensor, before ? add(this.step, before, gradient) : gradient);
  }

  /** Adds the gradient of some rows. */
  addRows(tensor: Tensor, part: RowPart): void {
    const parts = this.#parts.get(tensor);
    if (parts) parts.push(part);
    else this.#parts.set(tensor, [part]);
  }

  /** Removes and returns the gradient of an intermediate tensor, dense. */
  take(tensor: Tensor): Tensor | undefined {
    const gradient = this.dense(tensor);
    this.#dense.delete(tensor);
    this.#parts.delete(tensor);
    this.#merged.delete(tensor);
    return gradient;
  }

  /** The gradient of `tensor`, rows with the same id summed; undefined if none flowed to it. */
  get(tensor: Tensor): Gradient | undefined {
    const known = this.#merged.get(tensor);
    if (known) return known;
    const dense = this.#dense.get(tensor), parts = this.#parts.get(tensor);
    if (!dense && !parts) return undefined;
    let gradient: Gradient = { kind: "dense", value: dense! };
    if (parts) {
      const rows = mergeRows(this.step, tensor, parts);
      gradient = { kind: "rows", value: rows };
      if (dense) gradient = { kind: "dense", value: scatterRows(this.step, rows, tensor, dense) };
    }
    this.#merged.set(tensor, gradient);
    return gradient;
  }

  /** The gradient of `tensor` with all its rows. */
  dense(tensor: Tensor): Tensor | undefined {
    const gradient = this.get(tensor);
    if (!gradient || gradient.kind === "dense") return gradient?.value;
    return scatterRows(this.step, gradient.value, tensor);
  }
}
