/** A table of vectors, looked up by id. */

import { expectFromZero } from "../../kernels/device/expect.ts";
import { gather } from "../../kernels/lookup/gather.ts";
import type { Gpu } from "../../kernels/gpu.ts";
import type { Shard } from "../../kernels/device/shard.ts";
import type { Step } from "../../kernels/autograd/step.ts";
import type { TableDType } from "../../kernels/device/dtype.ts";
import type { Tensor } from "../../kernels/device/tensor.ts";
import { expectOptions, expectTableOf, Module } from "./module.ts";

/** Sizes and initial values of an {@linkcode Embedding}. */
export interface EmbeddingOptions {
  /** V, the number of ids. */
  numEmbeddings: number;
  /** E, the size of a vector. */
  embeddingDim: number;
  /** Initial values are uniform within this; 0.1 unless given. */
  initRange?: number;
  /** Whether the table stores 32-bit floats (unless given) or 16-bit ones, {@linkcode Device.table}. */
  tableDtype?: TableDType;
  /** Seed of the initial values; 0 unless given. */
  seed?: number;
  /** The layer's path in its model, as in "encoder"; empty unless given. */
  name?: string;
  /** Which rows of the table this rank holds; all unless given. */
  shard?: Shard;
}

/** A table [V, E]; its gradient holds only the rows that were looked up. */
export class Embedding extends Module {
  /** [V, E], or a shard of it */
  readonly weight: Tensor;

  /** Throws a RangeError if a size, the range or the seed is out of range, or 64 vectors too large for the device. */
  constructor(gpu: Gpu, options: EmbeddingOptions) {
    expectOptions("Embedding", gpu, options, ["numEmbeddings", "embeddingDim"], [
      "initRange",
      "tableDtype",
      "seed",
      "name",
      "shard",
    ]);
    super(options.name);
    const { numEmbeddings, embeddingDim, initRange = 0.1, seed = 0, tableDtype, shard } = options;
    expectFromZero("make Embedding", "initRange", initRange);
    const shape = [numEmbeddings, embeddingDim];
    expectTableOf("Embedding", gpu, shape, tableDtype, shard);
    const init = { range: initRange, seed };
    this.weight = this.tableParameter(gpu, "weight", shape, init, tableDtype, shard);
  }

  /** The vectors of `ids`: shape `[...ids.shape, E]`. Throws a RangeError if an id is not below V. */
  forward(step: Step, ids: Tensor): Tensor {
    return gather(step, this.weight, ids);
  }
}
