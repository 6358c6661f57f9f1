/** Matrices that exist as texels alone. */

import { UseAfterDisposeError } from "./faults.ts";
import type { Texels } from "./texels.ts";

/**
 * Floats in a texture that have no buffer: one kernel writes them (`TexelLaunch.texelsOut`), the next reads them
 * (`TexelLaunch.texels`). Made by `makeTexels`; _texels.wgsl defines their places.
 */
export class TexelTensor implements Disposable {
  /** Sizes of the dimensions, slowest first; the last is a multiple of four. */
  readonly shape: readonly number[];
  /** The texture's device. */
  readonly device: GPUDevice;
  readonly #texels: Texels;
  #disposed = false;

  /** Used by the GPU layer; owns the texels from now on. */
  constructor(device: GPUDevice, texels: Texels, shape: readonly number[]) {
    this.device = device;
    this.#texels = texels;
    this.shape = [...shape];
  }

  /** The texture; throws {@linkcode UseAfterDisposeError} once disposed. */
  get texels(): Texels {
    if (this.#disposed) throw new UseAfterDisposeError(this);
    return this.#texels;
  }

  /** Gives the texture back to the pool. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#texels.release();
  }
}
