/** The users' side of a two-tower recommender. */

import type { Gpu, Step, Tensor } from "../../mod.ts";
import { Embedding, Linear, Module } from "../../nce/nn/mod.ts";
import { add, tanh } from "../../kernels/ops.ts";
import type { MarketSizes } from "./market.ts";

/** Size of the hidden vectors of a tower. */
export const HIDDEN = 32;

/** What a model is told about users. */
export interface Users {
  /** [N] Ids of age groups. */
  readonly age: Tensor;
  /** [N] Ids of regions. */
  readonly region: Tensor;
}

/** A user's vector of `dim` elements, computed from age and region. */
export class UserTower extends Module {
  readonly #age: Embedding;
  readonly #region: Embedding;
  readonly #top: Linear;
  readonly #ages: number;

  /** Throws a RangeError if a size is not a positive integer. */
  constructor(gpu: Gpu, { ages, regions }: Pick<MarketSizes, "ages" | "regions">, dim: number) {
    super();
    const embedding = (name: string, numEmbeddings: number) =>
      this.part(new Embedding(gpu, { name, numEmbeddings, embeddingDim: HIDDEN, initRange: 0.5 }));
    this.#age = embedding("age", ages);
    this.#region = embedding("region", regions);
    this.#top = this.part(
      new Linear(gpu, { name: "userTop", inFeatures: HIDDEN, outFeatures: dim }),
    );
    this.#ages = ages;
  }

  /** Puts kinds of users [N] on the GPU: user u has age `u % ages` and region `floor(u / ages)`. */
  upload(step: Step, users: Uint32Array): Users {
    return {
      age: step.upload(users.map((user) => user % this.#ages)),
      region: step.upload(users.map((user) => Math.floor(user / this.#ages))),
    };
  }

  /** The vectors [N, dim] of users. */
  forward(step: Step, { age, region }: Users): Tensor {
    const sum = add(step, this.#age.forward(step, age), this.#region.forward(step, region));
    return this.#top.forward(step, tanh(step, sum));
  }
}
