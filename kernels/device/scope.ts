/** The owner of tensors, as kernels see it: a step is one. */

import type { Device } from "./device.ts";
import type { DType } from "./dtype.ts";
import { madeLike } from "./parts.ts";
import type { Tensor } from "./tensor.ts";

/** An owner of tensors, which are disposed of when it ends. */
export interface Scope {
  /** The device. */
  readonly gpu: Device;
  /** A tensor with undefined content that ends with the scope. */
  tensor(shape: readonly number[], dtype?: DType): Tensor;
  /** Makes the scope the owner of `tensor`. */
  own(tensor: Tensor): Tensor;
}

/** Zeros that end with the scope. */
export function zeros(scope: Scope, shape: readonly number[]): Tensor {
  const tensor = scope.tensor(shape);
  scope.gpu.clear(tensor);
  return tensor;
}

/** A tensor with undefined content of the shape and in the parts of `tensor`, that ends with the scope. */
export function tensorLike(scope: Scope, tensor: Tensor): Tensor {
  return scope.own(madeLike(tensor, (shape) => scope.gpu.temporary(shape)));
}
